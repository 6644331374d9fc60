/**
 * The envelope endpoint: a request's way from bytes to bytes, readable top to
 * bottom. The codec of `mcp/0.1` around `dispatch`, as `mcp/endpoint.ts` is
 * that of the Model Context Protocol.
 *
 * @module
 */

import type { Platform } from "../call/call.ts";
import { dispatch } from "../call/dispatch.ts";
import type { Services } from "../call/services.ts";
import { CountersignError } from "../errors.ts";
import type { ReadLimits } from "../http/bounded.ts";
import { readBody } from "../http/read_body.ts";
import { isObject } from "../json/i_json.ts";
import type { Log } from "../log.ts";
import type { KeyHolder, Keyring } from "../signing/keyring.ts";
import { isOpen, rememberUntil, windowOf } from "../signing/window.ts";
import {
  decodeRequest,
  parseBody,
  type ParsedBody,
  type RequestEnvelope,
  requestIdOf,
  signedArgs,
  unauthenticatedError,
} from "./request.ts";
import {
  type Addressee,
  NOBODY,
  type Reply,
  type Responder,
  toError,
  toRefusal,
  toReply,
  writeResponse,
} from "./response.ts";

/** What an envelope endpoint is made of. */
export interface EnvelopeSettings extends Responder {
  readonly path: string;
  /** Where messages of MCP belong; `undefined` where there is no place for them. */
  readonly mcpPath: string | undefined;
  readonly keyring: Keyring;
  /** How far a caller's clock may be off, in milliseconds. */
  readonly clockWindowMs: number;
  /** How far, and for how long, a body is read. */
  readonly readLimits: ReadLimits;
  readonly log: Log;
}

/** Answers a request at the endpoint. */
export async function answerEnvelope(
  request: Request,
  settings: EnvelopeSettings,
  open: () => Promise<Services>,
  platform: Platform,
): Promise<Response> {
  let to: Addressee = NOBODY;
  const report = (error: CountersignError) =>
    logFailure(error, to.requestId, settings.log);
  let reply: Reply;
  try {
    const body = await readPost(request, settings.readLimits);
    to = { requestId: requestIdOf(body.json) };
    refuseMessage(body, settings.mcpPath);
    const { envelope, caller } = await authenticate(body, settings);
    to = { ...to, caller };
    reply = await answerCall(envelope, caller, settings, open, platform);
  } catch (thrown) {
    report(toError(thrown));
    reply = toRefusal(thrown);
  }
  return await writeResponse(reply, to, settings, report);
}

/** Logs what is the server's fault, with its cause. */
export function logFailure(
  { status, code, message, cause }: CountersignError,
  requestId: string,
  log: Log,
): void {
  if (status < 500) return;
  log("error", message, { code, request_id: requestId, error: cause });
}

async function readPost(
  request: Request,
  limits: ReadLimits,
): Promise<ParsedBody> {
  if (request.method !== "POST") {
    throw new CountersignError(
      "method_not_allowed",
      `Send envelopes with POST, not ${request.method}`,
    );
  }
  return parseBody(await readBody(request, "the envelope", limits));
}

/**
 * Sends away who posts messages of MCP here.
 *
 * @throws {CountersignError} `malformed`
 */
function refuseMessage({ json }: ParsedBody, path: string | undefined): void {
  const [first] = [json].flat();
  if (path === undefined || !isObject(first) || !("jsonrpc" in first)) return;
  const message = `This is a message of MCP: send it to ${path}`;
  throw new CountersignError("malformed", message);
}

async function authenticate(
  body: ParsedBody,
  { serverId, keyring }: EnvelopeSettings,
): Promise<{ envelope: RequestEnvelope; caller: KeyHolder }> {
  const { envelope, signed } = decodeRequest(body);
  if (envelope.server_id !== serverId) {
    throw new CountersignError(
      "wrong_server",
      `This is server "${serverId}"; sign the call for it`,
    );
  }
  const { client_id, signature } = envelope;
  const caller = await keyring.verifyText(client_id, signature, signed);
  if (caller === undefined) throw unauthenticatedError(body);
  const args = signedArgs(body, envelope, signed);
  return { envelope: { ...envelope, args }, caller };
}

async function answerCall(
  { request_id, ts_ms, tool, args = {}, nonce }: RequestEnvelope,
  caller: KeyHolder,
  { clockWindowMs, now }: EnvelopeSettings,
  open: () => Promise<Services>,
  platform: Platform,
): Promise<Reply> {
  const window = windowOf(ts_ms, ts_ms, clockWindowMs);
  if (!isOpen(window, now())) {
    throw new CountersignError(
      "stale_timestamp",
      `ts_ms is over ${clockWindowMs} ms off; set your clock by this answer's`,
    );
  }
  const expiresAt = rememberUntil(window.until, clockWindowMs);
  const call = {
    ...platform,
    caller,
    requestId: request_id,
    name: tool,
    args,
    nonce: { clientId: caller.id, value: nonce, expiresAt },
  };
  return toReply(await dispatch(call, await open()));
}
