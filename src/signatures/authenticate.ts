/**
 * The server's side of `mcp-hmac-v2`: from a signed request to who sent it, and
 * from an answer to a signed one.
 *
 * Cheap checks come before dear ones. The nonce comes last, and is spent by
 * whoever dispatches the call: a request that is refused spends nothing.
 *
 * @module
 */

import type { Caller, Keyring } from "../signing/keyring.ts";
import type { Nonce } from "../signing/nonce.ts";
import { rememberUntil } from "../signing/window.ts";
import { contentDigest, matchesDigest } from "./content_digest.ts";
import { signEvents } from "./event_stream.ts";
import {
  freshParams,
  isEventStream,
  keyInfo,
  policyOf,
  REQUEST_TAG,
  requestComponents,
  RESPONSE_TAG,
  responseComponents,
  SKEW,
} from "./mcp_hmac.ts";
import {
  readSignature,
  sign,
  type SignatureParams,
} from "./message_signatures.ts";
import type { RequestParts } from "./signature_base.ts";
import { SignatureError, type SignatureReason } from "./signature_error.ts";

/** What requests are verified with. */
export interface VerifyOptions {
  readonly keyring: Keyring;
  /** Whom requests must have been signed for. */
  readonly serverId: string;
  /** Current time, in Unix milliseconds. */
  readonly now: () => number;
  /** The URL that the client called, and signed for. Defaults to the request's. */
  readonly urlOf?: (request: Request) => string;
}

/** A request that a client of ours signed. */
export interface SignedRequest {
  /** Who signed it. */
  readonly caller: Caller;
  /** To be spent before anything is done, unless the method is replayable. */
  readonly nonce: Nonce;
  /**
   * Signs the answer to this request; nobody can pass it off as another's.
   *
   * A stream is signed event by event, on its way.
   */
  respond(response: Response): Promise<Response>;
}

/**
 * Verifies a request.
 *
 * @param body The request's content, as it was received.
 * @throws {SignatureError} With a coarse reason; {@linkcode challenge} answers it.
 */
export async function verifyRequest(
  request: Request,
  body: Uint8Array,
  { keyring, serverId, now, urlOf = ({ url }) => url }: VerifyOptions,
): Promise<SignedRequest> {
  const { method, headers } = request;
  refuseOtherProfiles(headers);
  const parts = { method, headers, url: urlOf(request) };
  const { params, components, mac, base, window } = readSignature(
    { request: parts },
    policyOf(REQUEST_TAG, requestComponents(headers), now()),
  );
  const { keyid, nonce = "" } = params;
  if (!/^[\w-]{22,128}$/.test(nonce)) {
    throw new SignatureError("bad_parameters"); // fewer than 128 random bits
  }
  // Side by side: each is a thread hop on Deno, and neither needs the other.
  const [holds, caller] = await Promise.all([
    digestHolds(headers, body),
    keyring.verifyBytes(keyid, keyInfo(REQUEST_TAG, serverId), mac, base),
  ]);
  if (!holds) throw new SignatureError("digest_mismatch");
  if (!caller) throw new SignatureError("bad_signature");
  return {
    caller,
    nonce: {
      // No client id holds a space: these never meet the nonces of envelopes.
      clientId: `${REQUEST_TAG} ${caller.id}`,
      value: nonce,
      expiresAt: rememberUntil(window.until * 1000, SKEW * 1000),
    },
    respond: async (response) => {
      const key = await caller.key(keyInfo(RESPONSE_TAG, serverId));
      const made = freshParams(RESPONSE_TAG, caller.id, nonce, now());
      return await signResponse(response, parts, components, key, made);
    },
  };
}

async function signResponse(
  response: Response,
  request: RequestParts,
  ofRequest: readonly string[],
  key: CryptoKey,
  params: SignatureParams & { readonly nonce: string },
): Promise<Response> {
  const { status } = response;
  const headers = new Headers(response.headers);
  // Nobody on the way may keep the answer, or compress what was digested.
  headers.set("cache-control", "no-store, no-transform");
  let body: BodyInit | null | undefined;
  if (isEventStream(headers)) {
    body = response.body?.pipeThrough(signEvents(key, params.nonce));
  } else {
    const content = new Uint8Array(await response.arrayBuffer());
    headers.set("content-digest", await contentDigest(content));
    body = content.length > 0 ? content : null;
  }
  const fields = await sign(
    { request, response: { status, headers } },
    key,
    responseComponents(headers, ofRequest),
    params,
    "mcpres",
  );
  for (const [name, value] of Object.entries(fields)) headers.set(name, value);
  return new Response(body, { status, headers });
}

/**
 * Refuses what an older or a newer client signed.
 *
 * @throws {SignatureError} `other_profile`
 */
function refuseOtherProfiles(headers: Headers): void {
  const input = headers.get("signature-input") ?? "";
  if (input.includes(`;tag="${REQUEST_TAG}"`)) return;
  if (/;tag="mcp-hmac-req-v\d+"/.test(input)) {
    throw new SignatureError("other_profile");
  }
}

/** What to do about a refusal, where its reason does not say. */
const ADVICE: Partial<Record<SignatureReason, string>> = {
  other_profile: "This server takes signatures of mcp-hmac-v2, which are " +
    "made for one server: update the client, and give signedFetch (or the " +
    "proxy, as --server) the server's id",
};

/**
 * Answers a request that was not accepted: 401, and what a signature must cover.
 *
 * Not signed: whoever asks may be anyone.
 */
export function challenge(
  { headers }: Request,
  reason: SignatureReason,
): Response {
  const advice = ADVICE[reason];
  const error = {
    code: 1401, // MCP leaves what is outside -32768 to -32000 to us
    message: advice ?? "Signature required",
    data: { reason },
  };
  const wanted = requestComponents(headers).map((name) => `"${name}"`);
  return Response.json({ jsonrpc: "2.0", error }, {
    status: 401,
    headers: {
      "www-authenticate": `Signature realm="mcp", error="${reason}"` +
        (advice ? `, error_description="${advice}"` : ""),
      // RFC 9421 section 5.1, RFC 9530 section 4
      "accept-signature": `mcp=(${wanted.join(" ")});created;expires;` +
        `alg="hmac-sha256";tag="${REQUEST_TAG}"`,
      "want-content-digest": "sha-256=10",
      "cache-control": "no-store",
    },
  });
}

async function digestHolds(
  headers: Headers,
  body: Uint8Array,
): Promise<boolean> {
  try {
    return await matchesDigest(headers.get("content-digest") ?? "", body);
  } catch {
    return false; // no dictionary holds no digest
  }
}
