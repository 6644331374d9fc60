/**
 * The server: a request's way from bytes to bytes, readable top to bottom.
 *
 * @module
 */

import { checkHealth, describeServer } from "./about.ts";
import {
  checkOptions,
  type Resources,
  type ServerOptions,
  type Settings,
} from "./assemble.ts";
import { backgroundOf } from "../job/background.ts";
import { callerGone } from "./caller_gone.ts";
import { dispatch } from "../call/dispatch.ts";
import {
  decodeRequest,
  encodeResponse,
  parseBody,
  requestIdOf,
  type SignAnswer,
} from "../envelope/request.ts";
import { CountersignError } from "../errors.ts";
import type { WorkReport } from "../job/worker.ts";
import { consoleLog } from "../log.ts";
import { answerMcp, type McpSettings } from "../mcp/endpoint.ts";
import { readBody } from "../http/read_body.ts";
import {
  errorOf,
  refusalOf,
  type Reply,
  replyOf,
} from "../envelope/response.ts";

/** A server, as {@linkcode createServer} makes it. */
export interface Server {
  /**
   * Answers a request; it never throws.
   *
   * @param env The platform's environment: Workers' bindings; Deno's connection info is ignored.
   * @param platform The platform's context: `waitUntil` on Workers.
   */
  handle(
    request: Request,
    env?: unknown,
    platform?: unknown,
  ): Promise<Response>;
  /**
   * Runs the jobs that are due, and removes those that are long finished.
   *
   * For `Deno.cron`, for Workers' `scheduled`, or for an interval. Safe to call
   * from many instances at once.
   *
   * @throws {CountersignError} `unavailable` or `not_configured`
   */
  work(env?: unknown, options?: WorkOptions): Promise<WorkReport>;
  /** Stops claiming jobs, stops those that run, and gives them back to others. */
  stop(): Promise<void>;
}

/** Options for `work`. */
export interface WorkOptions {
  /** Most jobs to attend to. Defaults to 100. */
  limit?: number;
  /** Milliseconds that one job may take before it gives way. Defaults to no limit. */
  sliceMs?: number;
}

/**
 * Makes a server of tools.
 *
 * @param options Options, or what makes them of the platform's environment:
 * then what is wrong with them is answered as `not_configured`.
 * @throws {TypeError} If an option is missing or malformed.
 * @throws {RangeError} If a secret is too short.
 *
 * @example A server
 * ```ts
 * import { createServer, defineTool, type } from "@countersign/mcp";
 *
 * const greet = defineTool({
 *   description: "Greets someone by name",
 *   input: type({ name: "1 <= string <= 64" }),
 *   run: ({ name }) => ({ greeting: `Hello, ${name}!` }),
 * });
 * const { handle, stop } = createServer({
 *   serverId: "greeter",
 *   serverSecret: crypto.getRandomValues(new Uint8Array(32)),
 *   clients: { "client-001": crypto.getRandomValues(new Uint8Array(32)) },
 *   kv: () => Deno.openKv(":memory:"),
 *   tools: { greet },
 * });
 * const response = await handle(new Request("http://localhost/"));
 * console.log(response.status); // 200
 * await stop();
 * ```
 */
export function createServer(
  options: ServerOptions | ((env: unknown) => ServerOptions),
): Server {
  // Settled values only: on Workers a promise belongs to the request that made it.
  let planned = typeof options === "function"
    ? undefined
    : checkOptions(options);
  let opened: Resources | undefined;

  function planOf(env: unknown): Settings {
    if (planned || typeof options !== "function") return planned as Settings;
    try {
      return planned = checkOptions(options(env));
    } catch (error) {
      if (error instanceof CountersignError) throw error;
      throw new CountersignError("not_configured", (error as Error).message);
    }
  }

  async function open(env: unknown): Promise<Resources> {
    if (opened) return opened;
    const made = await planOf(env).open(env).catch((cause) => {
      if (cause instanceof CountersignError) throw cause;
      const message = "The server cannot open its store";
      throw new CountersignError("unavailable", message, {
        cause,
        retryAfterMs: 1000,
      });
    });
    if (opened) made.close(); // another request was faster
    return opened ??= made;
  }

  /** Everything that comes after the routes: one envelope, one answer. */
  async function answer(
    request: Request,
    pathname: string,
    env: unknown,
    platform: unknown,
  ): Promise<Response> {
    let requestId = "";
    let sign: SignAnswer = () => "";
    const respond = async (reply: Reply): Promise<Response> => {
      const answer = {
        request_id: requestId,
        ts_ms: (planned?.now ?? Date.now)(),
        ok: reply.error === null,
        server_id: planned?.serverId ?? "",
        status: reply.status,
        result: reply.result,
        error: reply.error,
      };
      const limit = (planned?.maxValueBytes ?? 0) + ENVELOPE_ROOM;
      return new Response(await encodeResponse(answer, sign, limit), {
        status: reply.httpStatus,
        headers: { ...HEADERS, ...reply.headers },
      });
    };
    try {
      const { serverId, path, maxBodyBytes, keyring, clockWindowMs, now, log } =
        planOf(
          env,
        );
      if (pathname !== path) {
        throw new CountersignError("not_found", `Send envelopes to ${path}`);
      }
      if (request.method !== "POST") {
        throw new CountersignError(
          "method_not_allowed",
          `Send envelopes with POST, not ${request.method}`,
        );
      }
      const parsed = parseBody(await readBody(request, maxBodyBytes));
      requestId = requestIdOf(parsed.json);
      const { envelope, signed } = decodeRequest(parsed);
      if (envelope.server_id !== serverId) {
        throw new CountersignError(
          "wrong_server",
          `This is server "${serverId}"; sign the call for it`,
        );
      }
      const { client_id, signature, ts_ms, nonce } = envelope;
      const caller = await keyring.authenticate(client_id, signature, signed);
      if (caller === undefined) {
        throw new CountersignError(
          "unauthenticated",
          "The client is unknown or the signature is wrong",
        );
      }
      sign = caller.sign;
      if (Math.abs(now() - ts_ms) > clockWindowMs) {
        throw new CountersignError(
          "stale_timestamp",
          `ts_ms is over ${clockWindowMs} ms off; set your clock by this answer's`,
        );
      }
      const { house } = await open(env);
      const outcome = await dispatch({
        caller,
        requestId,
        name: envelope.tool,
        args: envelope.args ?? {},
        nonce: {
          clientId: client_id,
          value: nonce,
          expiresAt: ts_ms + clockWindowMs,
        },
        signal: callerGone(request, env),
        background: backgroundOf(env, platform, log),
      }, house);
      return await respond(replyOf(outcome));
    } catch (thrown) {
      const error = errorOf(thrown);
      if (error.status >= 500) {
        (planned?.log ?? consoleLog)("error", error.message, {
          code: error.code,
          request_id: requestId,
          error: error.cause,
        });
      }
      return await respond(refusalOf(error));
    }
  }

  return {
    async handle(request, env, platform) {
      const { pathname } = new URL(request.url);
      const mcp = mcpAt(pathname, env);
      if (mcp) {
        return await answerMcp(request, mcp, () => open(env), {
          background: backgroundOf(env, platform, mcp.log),
          signal: callerGone(request, env),
        });
      }
      if (request.method === "GET") {
        if (pathname === "/healthz") return await checkHealth(() => probe(env));
        const known = pathname === "/" && await identity(env);
        if (known) return describeServer(request, known);
      }
      return await answer(request, pathname, env, platform);
    },

    async work(env, { limit = 100, sliceMs } = {}) {
      const { worker } = await open(env);
      return await worker?.work(env, limit, sliceMs) ?? { ran: 0, removed: 0 };
    },

    async stop() {
      await opened?.worker?.stop();
      opened?.close();
    },
  };

  /** A server that is not configured says so to those who send envelopes. */
  function mcpAt(pathname: string, env: unknown): McpSettings | undefined {
    try {
      const { mcp } = planOf(env);
      return mcp.path === pathname ? mcp : undefined;
    } catch {
      return undefined; // `answer` meets the same error, and answers it
    }
  }

  /** `undefined` where the server cannot be opened; the answer then says why. */
  async function identity(env: unknown) {
    return await open(env).then(({ house }) => house.identity, () => undefined);
  }

  async function probe(env: unknown): Promise<void> {
    const { house } = await open(env);
    await house.kv?.get(["countersign", "healthz"]);
  }
}

/** Room for an envelope around a result of the largest size, in characters. */
const ENVELOPE_ROOM = 8192;

const HEADERS = {
  "content-type": "application/json",
  "cache-control": "no-store",
};
