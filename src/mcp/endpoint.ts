/**
 * The MCP endpoint: a request's way from bytes to bytes, readable top to bottom.
 * The codec of the Model Context Protocol around `dispatch`, as
 * `envelope/endpoint.ts` is that of `mcp/0.1`.
 *
 * @module
 */

import { spendNonce } from "../call/admit.ts";
import type { Platform } from "../call/call.ts";
import type { Services } from "../call/services.ts";
import type { ReadLimits } from "../http/bounded.ts";
import { readBody } from "../http/read_body.ts";
import type { Log } from "../log.ts";
import type { Authenticated, McpAuthenticate } from "./authenticate.ts";
import type { ServerFacts } from "./exchange.ts";
import { checkSentNames } from "./http/headers.ts";
import { checkOrigin, type OriginRules } from "./http/origin.ts";
import {
  respond,
  type RpcResponse,
  takesEvents,
  toResponse,
} from "./http/respond.ts";
import type { StreamLimit } from "./http/stream_limit.ts";
import {
  CODE,
  errorResponse,
  type Id,
  idOf,
  messageOf,
  parseBody,
  resultResponse,
  RpcError,
} from "./json_rpc.ts";
import {
  answerBatch,
  answerLegacy,
  isBatch,
  readLegacyMeta,
} from "./legacy.ts";
import { answerModern, checkModern } from "./modern.ts";
import { rpcErrorOf } from "./results.ts";
import { revisionOf } from "./revisions.ts";

/** What an MCP endpoint is made of. */
export interface McpSettings {
  readonly path: string;
  readonly envelopePath: string;
  readonly authenticate: McpAuthenticate;
  readonly origins: OriginRules;
  readonly server: ServerFacts;
  /** How far, and for how long, a body is read. */
  readonly readLimits: ReadLimits;
  /** Most characters of a result's JSON. */
  readonly maxResult: number;
  readonly streams: StreamLimit;
  readonly log: Log;
  readonly now: () => number;
}

/** A request by a caller who is known, and what answers it. */
interface Incoming extends Pick<Authenticated, "caller" | "nonce"> {
  readonly headers: Headers;
  readonly settings: McpSettings;
  readonly open: () => Promise<Services>;
  readonly platform: Platform;
}

/** Answers a request at the endpoint. */
export async function answerMcp(
  request: Request,
  settings: McpSettings,
  open: () => Promise<Services>,
  platform: Platform,
): Promise<Response> {
  try {
    checkOrigin(request, settings.origins);
    return await answerPost(request, settings, open, platform);
  } catch (thrown) {
    return toResponse(refuse(thrown, undefined, settings));
  }
}

async function answerPost(
  request: Request,
  settings: McpSettings,
  open: () => Promise<Services>,
  platform: Platform,
): Promise<Response> {
  const { method, headers } = request;
  if (method !== "POST") {
    throw new RpcError(1405, `Send messages with POST, not ${method}`, {
      status: 405,
      headers: { allow: "POST" },
    });
  }
  const body = await readBody(request, "the message", settings.readLimits);
  refuseEnvelope(headers, body, settings.envelopePath);
  const known = await settings.authenticate(request, body);
  if (known instanceof Response) return known;
  const { caller, nonce } = known;
  const incoming = { caller, nonce, headers, settings, open, platform };
  const response = await answerBody(body, incoming)
    .catch((thrown) => toResponse(refuse(thrown, undefined, settings)));
  return await known.signResponse?.(response) ?? response;
}

/**
 * Sends away who posts envelopes here: no signature of theirs is looked for.
 *
 * @throws {RpcError} `invalidRequest`
 */
function refuseEnvelope(
  headers: Headers,
  body: Uint8Array,
  path: string,
): void {
  // Who sends these means MCP, and is spared the look into the body.
  for (const [name] of headers) if (/^(mcp-|signature)/.test(name)) return;
  const text = new TextDecoder().decode(body);
  if (!text.includes('"mcp/0.1"') || text.includes('"jsonrpc"')) return;
  const message = `This is an envelope of mcp/0.1: send it to ${path}`;
  throw new RpcError(CODE.invalidRequest, message);
}

async function answerBody(
  body: Uint8Array,
  incoming: Incoming,
): Promise<Response> {
  const { headers, nonce, open, platform } = incoming;
  const { json, refusal } = parseBody(body);
  if (refusal) {
    return toResponse(refuse(refusal, idOf(json), incoming.settings));
  }
  if (isBatch(json, headers)) {
    // Its messages came under one signature, which is good for all of them.
    await spendNonce(nonce, await open());
    const spent = { ...incoming, nonce: undefined };
    const answers = await answerBatch(json, (one) => answerMessage(one, spent));
    return answers.length > 0
      ? toResponse({ message: answers, status: 200, headers: {} })
      : acceptedResponse();
  }
  if (isNotification(json)) {
    const refused = await answerMessage(json, incoming);
    return refused ? toResponse(refused) : acceptedResponse();
  }
  const gone = new AbortController();
  const leave = () => gone.abort(new Error("The caller has gone"));
  platform.signal.addEventListener("abort", leave, { once: true });
  const request = {
    ...incoming,
    platform: { ...platform, signal: gone.signal },
  };
  return await respond(
    (notify) => answerMessage(json, request, notify) as Promise<RpcResponse>,
    { streams: takesEvents(headers), onGone: leave },
  );
}

/** Answers a message; `undefined` for a notification, which is never answered. */
async function answerMessage(
  json: unknown,
  { headers, caller, nonce, settings, open, platform }: Incoming,
  notify: (frame: object) => void = () => {},
): Promise<RpcResponse | undefined> {
  try {
    const message = messageOf(json);
    const revision = revisionOf(message, headers);
    if (revision.initializes) checkSentNames(headers, message);
    if (message.id === undefined) return undefined;
    const { initializes, cancelsByClosing } = revision;
    const { server, maxResult, streams, now } = settings;
    const signal = cancelsByClosing
      ? platform.signal
      : new AbortController().signal;
    const meta = initializes
      ? readLegacyMeta(message)
      : checkModern(message, headers);
    const answer = initializes ? answerLegacy : answerModern;
    const result = await answer({
      message,
      revision,
      meta,
      headers,
      caller,
      nonce,
      services: await open(),
      server,
      maxResult,
      streams,
      background: platform.background,
      signal,
      notify,
      now,
    });
    const response = resultResponse(message.id, result);
    return { message: response, status: 200, headers: {} };
  } catch (thrown) {
    return refuse(thrown, idOf(json), settings);
  }
}

function refuse(
  thrown: unknown,
  id: Id | undefined,
  { log }: McpSettings,
): RpcResponse {
  const error = rpcErrorOf(thrown);
  if (error.status >= 500 || error.code === CODE.internal) {
    log("error", error.message, { code: error.code, error: error.cause });
  }
  const { status, headers } = error;
  return { message: errorResponse(id, error), status, headers };
}

function isNotification(json: unknown): boolean {
  return typeof json === "object" && json !== null && !("id" in json);
}

function acceptedResponse(): Response {
  return new Response(null, { status: 202 });
}
