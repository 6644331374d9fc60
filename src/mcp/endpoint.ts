/**
 * The MCP endpoint: a request's way from bytes to bytes, readable top to bottom.
 *
 * A second codec around the same middle as the envelope protocol's: what comes
 * out of it is a call, and `dispatch` does not know which of the two made it.
 *
 * @module
 */

import type { Background } from "../job/background.ts";
import type { Services } from "../call/services.ts";
import { replayedError } from "../job/jobs.ts";
import type { Log } from "../log.ts";
import { readBody } from "../http/read_body.ts";
import { mayRepeat } from "../signatures/authenticate.ts";
import type { Authenticated, McpAuthenticate } from "./authenticate.ts";
import type { Exchange, ServerFacts } from "./exchange.ts";
import {
  CODE,
  errorResponse,
  idOf,
  messageOf,
  parse,
  resultResponse,
  RpcError,
  type RpcMessage,
} from "./json_rpc.ts";
import { answerBatch, answerLegacy, isBatch, legacyMeta } from "./legacy.ts";
import { answerModern, checkRequest } from "./modern.ts";
import {
  checkOrigin,
  crossOrigin,
  type OriginRules,
  preflight,
} from "./http/origin.ts";
import { respond, type RpcResponse } from "./http/respond.ts";
import { rpcErrorOf } from "./results.ts";
import { isLegacy } from "./revisions.ts";

/** What an endpoint is made of. */
export interface McpSettings {
  readonly path: string;
  readonly authenticate: McpAuthenticate;
  readonly origins: OriginRules;
  readonly server: ServerFacts;
  readonly maxBodyBytes: number;
  /** Most characters of a result's JSON. */
  readonly maxResult: number;
  readonly log: Log;
  readonly now: () => number;
}

/** What an endpoint works with, once it is open. */
export interface McpHouse {
  readonly house: Services;
  readonly stateKey: CryptoKey;
}

/** What the platform brings to a request. */
export interface Platform {
  readonly background: Background;
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal;
}

/** Answers a request at the endpoint; never throws. */
export async function answerMcp(
  request: Request,
  plan: McpSettings,
  open: () => Promise<McpHouse>,
  platform: Platform,
): Promise<Response> {
  let origin: string | undefined;
  let response: Response;
  try {
    origin = checkOrigin(request, plan.origins);
    if (request.method === "OPTIONS" && origin !== undefined) {
      return preflight(request, origin);
    }
    response = await answerPost(request, plan, open, platform);
  } catch (thrown) {
    response = refusal(thrown, plan);
  }
  if (origin === undefined) return response;
  const { status, body } = response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(crossOrigin(origin))) {
    headers.set(name, value);
  }
  return new Response(body, { status, headers });
}

async function answerPost(
  request: Request,
  plan: McpSettings,
  open: () => Promise<McpHouse>,
  platform: Platform,
): Promise<Response> {
  if (request.method !== "POST") {
    throw new RpcError(1405, `Send messages with POST, not ${request.method}`, {
      status: 405,
      headers: { allow: "POST" },
    });
  }
  const body = await readBody(request, plan.maxBodyBytes);
  const known = await plan.authenticate(request, body);
  if (known instanceof Response) return known;
  const answer = await answerKnown(request, body, known, plan, open, platform)
    .catch((thrown) => refusal(thrown, plan));
  return await known.signResponse?.(answer) ?? answer;
}

async function answerKnown(
  request: Request,
  body: Uint8Array,
  known: Authenticated,
  plan: McpSettings,
  open: () => Promise<McpHouse>,
  platform: Platform,
): Promise<Response> {
  const { headers } = request;
  const json = parse(body);
  let { nonce } = known;
  const gone = new AbortController();
  const stop = () => gone.abort(new Error("The caller has gone"));
  platform.signal.addEventListener("abort", stop, { once: true });
  const streams = /text\/event-stream|\*\/\*/i
    .test(headers.get("accept") ?? "*/*");

  /** `undefined` for a notification, which is never answered. */
  async function answer(
    json: unknown,
    notify: (frame: object) => void,
  ): Promise<RpcResponse | undefined> {
    try {
      const message = messageOf(json);
      const legacy = isLegacy(message, headers);
      if (message.id === undefined) return undefined;
      const opened = await open();
      const repeatable = mayRepeat(message.method);
      if (repeatable && opened.house.spendsAlways) {
        await spendFirst(nonce, opened);
      }
      const exchange: Exchange = {
        ...platform,
        ...opened,
        message,
        meta: legacy ? legacyMeta(message) : checkRequest(message, headers),
        headers,
        principal: known.caller,
        nonce: repeatable ? undefined : nonce,
        server: plan.server,
        maxResult: plan.maxResult,
        modern: !legacy,
        // Before 2026-07-28 a connection that ends is no cancellation.
        signal: legacy ? new AbortController().signal : gone.signal,
        notify,
        now: plan.now,
      };
      const result = await (legacy ? answerLegacy : answerModern)(exchange);
      return ok(resultResponse(message.id, result));
    } catch (thrown) {
      return failed(thrown, idOf(json), plan);
    }
  }

  if (isBatch(json, headers)) {
    // Its messages came under one signature, which is good for all of them.
    await spendFirst(nonce, await open());
    nonce = undefined;
    const drop = () => {};
    const answers = await answerBatch(json, (one) => answer(one, drop));
    return answers.length > 0 ? Response.json(answers) : accepted();
  }
  if (isNotification(json)) {
    const refused = await answer(json, () => {});
    return refused ? toResponse(refused) : accepted();
  }
  return await respond(
    (notify) => answer(json, notify) as Promise<RpcResponse>,
    { streams, gone: stop },
  );
}

/** Spends the nonce of what is answered without a call that would. */
async function spendFirst(
  nonce: Authenticated["nonce"],
  { house }: McpHouse,
): Promise<void> {
  if (nonce && !await house.spend(nonce)) throw replayedError();
}

function isNotification(json: unknown): json is RpcMessage {
  return typeof json === "object" && json !== null && !("id" in json);
}

function accepted(): Response {
  return new Response(null, { status: 202 });
}

function ok(message: object): RpcResponse {
  return { message, status: 200, headers: {} };
}

function failed(
  thrown: unknown,
  id: ReturnType<typeof idOf>,
  { log }: McpSettings,
): RpcResponse {
  const error = rpcErrorOf(thrown);
  if (error.status >= 500 || error.code === CODE.internal) {
    log("error", error.message, { code: error.code, error: error.cause });
  }
  const { status, headers } = error;
  return { message: errorResponse(id, error), status, headers };
}

function refusal(thrown: unknown, plan: McpSettings): Response {
  return toResponse(failed(thrown, undefined, plan));
}

function toResponse({ message, status, headers }: RpcResponse): Response {
  return Response.json(message, {
    status,
    headers: { "cache-control": "no-store", ...headers },
  });
}
