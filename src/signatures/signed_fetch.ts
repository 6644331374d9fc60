/**
 * `fetch` for MCP clients: signs every request, believes only signed answers.
 *
 * @module
 */

import { readBounded, type ReadLimits } from "../http/bounded.ts";
import type { Fetch } from "../http/fetch.ts";
import { deriveKey, type Secret, secretBytes } from "../signing/hmac.ts";
import { isId } from "../id.ts";
import { once } from "../once.ts";
import { contentDigest, matchesDigest } from "./content_digest.ts";
import { verifyEvents } from "./event_stream.ts";
import {
  freshParams,
  isEventStream,
  keyInfo,
  policyOf,
  REQUEST_TAG,
  requestComponents,
  RESPONSE_TAG,
  responseComponents,
  responseFields,
} from "./mcp_hmac.ts";
import { sign, verify } from "./message_signatures.ts";
import { SignatureError } from "./signature_error.ts";

/** Options for {@linkcode signedFetch}. */
export interface SignedFetchOptions {
  /** This client's id. */
  clientId: string;
  /** The secret shared with the server: the one that envelopes are signed with. */
  secret: Secret;
  /** The server's id: what is signed for it is good for no other. */
  serverId: string;
  /** Takes the place of the global `fetch`; a server's `handle` will do. */
  fetch?: Fetch;
  /** Most bytes of an answer, or of one event where it is a stream. Defaults to 16 MiB. */
  maxAnswerBytes?: number;
  /** Current time, in Unix milliseconds. Defaults to `Date.now`. */
  now?: () => number;
}

/** What MCP clients take as their `fetch`. */
export type SignedFetch = (
  input: string | URL | Request,
  init?: RequestInit,
) => Promise<Response>;

/**
 * Makes a `fetch` that speaks the profile `mcp-hmac-v2`.
 *
 * A body is sent as JSON unless the caller gives it another type. An answer has
 * the fields that its signature covers, and no others. What
 * refuses without a signature keeps its status alone, and its reason as text:
 * nobody takes it for an answer. Redirects are not followed.
 *
 * The `fetch` rejects with a {@linkcode SignatureError} if a success is not
 * signed, or an answer's signature is wrong; a stream fails with it.
 *
 * @throws {TypeError} If the server's id is missing.
 * @throws {RangeError} If the secret is shorter than 32 bytes.
 *
 * @example Sign what an MCP client sends
 * ```ts
 * import { signedFetch } from "@countersign/mcp/signatures";
 *
 * const fetch = signedFetch({
 *   clientId: "client-001",
 *   serverId: "greeter",
 *   secret: crypto.getRandomValues(new Uint8Array(32)),
 *   fetch: (request) => new Response(null, { // leave this out to use the network
 *     status: request.headers.has("signature") ? 503 : 401,
 *   }),
 * });
 * // new StreamableHTTPClientTransport(new URL("https://example.com/mcp"), { fetch })
 * const response = await fetch("https://example.com/mcp", { method: "POST", body: "{}" });
 * console.log(response.status); // 503
 * ```
 */
export function signedFetch(
  {
    clientId,
    secret,
    serverId,
    fetch: deliver = (request) => fetch(request),
    maxAnswerBytes = 16 * 1024 * 1024,
    now = Date.now,
  }: SignedFetchOptions,
): SignedFetch {
  if (!isId(serverId)) {
    throw new TypeError("signedFetch needs serverId: the server's id");
  }
  const bytes = secretBytes(secret, "secret");
  const openKeys = once(() =>
    Promise.all(
      [REQUEST_TAG, RESPONSE_TAG].map((tag) =>
        deriveKey(bytes, keyInfo(tag, serverId))
      ),
    )
  );

  return async (input, init) => {
    const [requestKey, responseKey] = await openKeys();
    const { request, parts, components, nonce } = await signRequest(
      new Request(input, init),
      requestKey,
      clientId,
      now(),
    );
    const response = await deliver(request);
    if (response.status >= 400 && !response.headers.has("signature")) {
      return await readRefusal(response);
    }
    try {
      const { params } = await verify(
        { request: parts, response },
        (keyid) => keyid === clientId ? responseKey : undefined,
        policyOf(
          RESPONSE_TAG,
          responseComponents(response.headers, components),
          now(),
        ),
      );
      if (params.nonce !== nonce) throw new SignatureError("replayed_nonce");
      return await verifyContent(
        response,
        responseKey,
        nonce,
        { limit: maxAnswerBytes, signal: request.signal },
      );
    } catch (error) {
      response.body?.cancel().catch(() => {}); // it may have been read
      throw error;
    }
  };
}

/** Signs a request, and tells what its answer must be an answer to. */
async function signRequest(
  original: Request,
  key: CryptoKey,
  clientId: string,
  now: number,
) {
  const { method, url, signal } = original;
  const headers = new Headers(original.headers);
  const body = new Uint8Array(await original.arrayBuffer());
  // What `fetch` itself says of a text is nothing that the caller said.
  if (
    /^(text\/plain;charset=utf-8)?$/i.test(headers.get("content-type") ?? "")
  ) {
    headers.set("content-type", "application/json");
  }
  headers.set("content-digest", await contentDigest(body));
  const components = requestComponents(headers);
  const nonce = crypto.randomUUID() + crypto.randomUUID(); // 244 random bits
  const parts = { method, url, headers };
  const fields = await sign(
    { request: parts },
    key,
    components,
    freshParams(REQUEST_TAG, clientId, nonce, now),
    "mcp",
  );
  for (const [name, value] of Object.entries(fields)) headers.set(name, value);
  const request = new Request(url, {
    method,
    headers,
    signal,
    // A signed request is for this server; Workers know no "error" here.
    redirect: "manual",
    ...body.length > 0 && { body },
  });
  return { request, parts, components, nonce };
}

/** An answer whose head was verified, with the fields that its signature covers. */
async function verifyContent(
  response: Response,
  key: CryptoKey,
  nonce: string,
  limits: ReadLimits,
): Promise<Response> {
  const { status, headers } = response;
  const field = (name: string) => headers.get(name) ?? "";
  const init = {
    status,
    headers: responseFields(headers).map((name) =>
      [name, field(name)] satisfies [string, string]
    ),
  };
  if (isEventStream(headers)) {
    const events = response.body?.pipeThrough(
      verifyEvents(key, nonce, limits.limit),
    );
    return new Response(events, init);
  }
  const content = await readContent(response.body, limits);
  if (!await matchesDigest(field("content-digest"), content)) {
    throw new SignatureError("digest_mismatch");
  }
  return new Response(content.length > 0 ? content : null, init);
}

async function readContent(
  body: Response["body"],
  limits: ReadLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  const read = await readBounded(body, limits);
  if (read.kind === "read") return read.bytes;
  throw read.kind === "broken" ? read.cause : new SignatureError("too_large");
}

/** Leaves of a refusal that nobody signed its status, and why as text. */
async function readRefusal(
  { status, headers, body }: Response,
): Promise<Response> {
  await body?.cancel();
  const challenge = headers.get("www-authenticate") ?? "no reason given";
  return new Response(`Unsigned refusal: ${challenge}`, { status });
}
