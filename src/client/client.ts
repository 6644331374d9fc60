/**
 * The client: a typed method for each thing that a server can be asked for.
 *
 * @module
 */

import type { Fetch } from "../http/fetch.ts";
import type { WireJobStatus } from "../job/wire_status.ts";
import type { Secret } from "../signing/hmac.ts";
import { CountersignError } from "../errors.ts";
import {
  createJobHandle,
  type JobHandle,
  parseJobId,
  type StartedJob,
  startJob,
} from "./job_handle.ts";
import {
  fetchIdentity,
  type ListedJob,
  type ListedTool,
  listJobs,
  listTools,
  type ServerIdentity,
} from "./listings.ts";
import { BUILTIN_NAMES, createSender, type Send } from "./send.ts";

/** A tool's arguments, as a caller writes them. */
export type ArgsOf<T> = T extends { readonly infer?: infer Types }
  ? NonNullable<Types>["args" & keyof NonNullable<Types>]
  : never;
/** A tool's result, as a caller gets it. */
export type ResultOf<T> = T extends { readonly infer?: infer Types }
  ? NonNullable<Types>["result" & keyof NonNullable<Types>]
  : never;

/** Options for {@linkcode createClient}. */
export interface ClientOptions {
  /** The server's endpoint. Defaults to `http://localhost/` where `fetch` is given. */
  url?: string | URL;
  /** Takes the place of the global `fetch`; a server's `handle` will do. */
  fetch?: Fetch;
  /** This client's id. */
  clientId: string;
  /** The secret shared with the server. */
  secret: Secret;
  /** The server's id: calls are signed for it and no other. */
  serverId: string;
  /** Takes a secret of fewer than 32 bytes. */
  allowShortSecrets?: boolean;
  /** Tries after the first, where trying again is safe. Defaults to 4. */
  retries?: number;
  /** Milliseconds that one try may take. Defaults to 60,000. */
  timeoutMs?: number;
  /** Most bytes that the server may answer with. Defaults to 16 MiB. */
  maxAnswerBytes?: number;
  /** Current time, in Unix milliseconds. Defaults to `Date.now`. */
  now?: () => number;
}

/** Options for one call. */
export interface CallOptions {
  /** Breaks the call off. */
  signal?: AbortSignal;
  /**
   * The call's id. A job's start that repeats one is the same job; any other
   * call should have an id that none had before, which is the default: by it
   * the answer is known.
   */
  requestId?: string;
}

/** A client, as {@linkcode createClient} makes it; `T` is the type of its server's tools. */
// deno-lint-ignore no-explicit-any -- without a type, any tool may be named
export interface Client<T = Record<string, { infer?: any }>> {
  /**
   * Calls a tool that answers at once.
   *
   * A call whose answer is lost is not sent again, because it may have run,
   * unless `replayable` says that this does no harm. What must not run twice
   * is better a job.
   *
   * @throws {CountersignError} With the server's `code`, or `unreachable`, or
   * `unverified_answer`.
   */
  call<
    N extends
      & string
      & {
        [K in keyof T]: T[K] extends { readonly infer?: { job: false } } ? K
          : never;
      }[keyof T],
  >(
    name: N,
    ...rest: Record<never, never> extends ArgsOf<T[N]> ? [
        args?: ArgsOf<T[N]>,
        options?: CallOptions & { replayable?: boolean },
      ]
      : [
        args: ArgsOf<T[N]>,
        options?: CallOptions & { replayable?: boolean },
      ]
  ): Promise<ResultOf<T[N]>>;
  /**
   * Starts a job. Sent again until it is accepted: it starts once.
   *
   * @throws {CountersignError} As `call`; also `too_many_jobs` and
   * `idempotency_conflict`.
   */
  start<
    N extends
      & string
      & {
        [K in keyof T]: T[K] extends { readonly infer?: { job: true } } ? K
          : never;
      }[keyof T],
  >(
    name: N,
    ...rest: Record<never, never> extends ArgsOf<T[N]>
      ? [args?: ArgsOf<T[N]>, options?: CallOptions]
      : [args: ArgsOf<T[N]>, options?: CallOptions]
  ): Promise<StartedJob<ResultOf<T[N]>>>;
  /**
   * The handle of a job that was started earlier, perhaps by another process:
   * by the id of the request that started it, or by the job's own.
   *
   * The tool's name gives the result its type; nothing is sent yet.
   */
  job<
    N extends
      & string
      & {
        [K in keyof T]: T[K] extends { readonly infer?: { job: true } } ? K
          : never;
      }[keyof T],
  >(
    name: N,
    id: string | { readonly requestId: string },
  ): JobHandle<ResultOf<T[N]>>;
  /** The same, of a job whose tool is not known. */
  job<Result = unknown>(
    id: string | { readonly requestId: string },
  ): JobHandle<Result>;
  /**
   * This client's jobs, newest first; asks for more of them as they are reached.
   *
   * @param options `status` leaves out those that stand otherwise.
   * @throws {CountersignError} As `call`, when iterated over.
   */
  jobs(
    options?: { status?: WireJobStatus; signal?: AbortSignal },
  ): AsyncIterable<ListedJob>;
  /**
   * Lists the tools that this client may call, the server's own among them.
   *
   * @throws {CountersignError} As `call`.
   */
  tools(options?: { signal?: AbortSignal }): Promise<ListedTool[]>;
  /**
   * Asks the server who it is.
   *
   * @throws {CountersignError} As `call`.
   */
  identity(options?: { signal?: AbortSignal }): Promise<ServerIdentity>;
}

/**
 * Makes a client.
 *
 * @throws {TypeError} If there is neither `url` nor `fetch`.
 * @throws {RangeError} If the secret is too short.
 *
 * @example Call a server in the same process
 * ```ts
 * import { createServer, defineTool, type } from "@countersign/mcp";
 * import { createClient } from "@countersign/mcp/client";
 *
 * const tools = {
 *   double: defineTool({
 *     description: "Doubles a number",
 *     input: type({ number: "number" }),
 *     output: type({ number: "number" }),
 *     run: ({ number }) => ({ number: 2 * number }),
 *   }),
 * };
 * const secret = crypto.getRandomValues(new Uint8Array(32));
 * const { handle } = createServer({
 *   serverId: "doubler",
 *   serverSecret: crypto.getRandomValues(new Uint8Array(32)),
 *   clients: { "client-001": secret },
 *   nonces: { store: "memory" },
 *   tools,
 * });
 * const client = createClient<typeof tools>({
 *   fetch: handle,
 *   clientId: "client-001",
 *   secret,
 *   serverId: "doubler",
 * });
 * const { number } = await client.call("double", { number: 21 });
 * console.log(number); // 42
 * ```
 */
// deno-lint-ignore no-explicit-any -- without a type, any tool may be named
export function createClient<T = Record<string, { infer?: any }>>(
  options: ClientOptions,
): Client<T> {
  const { url, clientId, secret, serverId } = options;
  if ("handle" in options) {
    throw new TypeError('createClient takes no "handle": give it as "fetch"');
  }
  if (url === undefined && options.fetch === undefined) {
    throw new TypeError("Give the client the server's url, or a fetch");
  }
  const target = String(url ?? "http://localhost/");
  if (!URL.canParse(target)) throw new TypeError("The client's url is none");
  const deliver = options.fetch ?? fetch;
  const send: Send = createSender({
    clientId,
    secret,
    serverId,
    allowShortSecrets: options.allowShortSecrets ?? false,
    retries: options.retries ?? 4,
    timeoutMs: options.timeoutMs ?? 60_000,
    maxAnswerBytes: options.maxAnswerBytes ?? 16 * 1024 * 1024,
    now: options.now ?? Date.now,
    deliver: async (body, signal) =>
      await deliver(writeRequest(target, body, signal)),
  });

  return {
    async call(tool, ...[args, options]) {
      const { status, result } = await send({
        tool,
        args: args ?? {},
        kind: options?.replayable ?? isBuiltin(tool) ? "replayable" : "once",
        requestId: options?.requestId,
        signal: options?.signal,
      });
      if (status === "ok" || isBuiltin(tool)) return result as never;
      throw new CountersignError(
        "unverified_answer",
        "The answer is a job's, not a call's: jobs begin with client.start",
      );
    },

    async start(tool, ...[args, options]) {
      const requestId = options?.requestId ?? crypto.randomUUID();
      const job = await startJob(send, {
        tool,
        args: args ?? {},
        kind: "start",
        requestId,
        isNewId: options?.requestId === undefined,
        signal: options?.signal,
      });
      return { requestId, ...createJobHandle(send, job) };
    },

    job(...given: [...name: string[], id: string | { requestId: string }]) {
      const id = given[given.length - 1];
      const key = typeof id === "string"
        ? parseJobId(id)
        : { request_id: id.requestId };
      return createJobHandle<never>(send, { key, pollAfterMs: 500 });
    },

    jobs: ({ status, signal } = {}) => ({
      [Symbol.asyncIterator]: () => listJobs(send, status, signal),
    }),

    tools: ({ signal } = {}) => listTools(send, signal),

    identity: ({ signal } = {}) => fetchIdentity(send, signal),
  };
}

function writeRequest(
  target: string,
  body: string,
  signal: AbortSignal,
): Request {
  return new Request(target, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
    signal,
    // A signed call is for this server; Workers know no "error" here.
    redirect: "manual",
  });
}

function isBuiltin(tool: string): boolean {
  return (BUILTIN_NAMES as readonly string[]).includes(tool);
}
