/**
 * The client: a typed method for each thing that a server can be asked for.
 *
 * @module
 */

import { firstState, type JobHandle, jobHandle } from "./job_handle.ts";
import { type Send, sender } from "./send.ts";
import type { Secret } from "../signing/hmac.ts";

/** What a client knows of a tool: its types. */
export interface ToolTypes {
  /** Never set. */
  // deno-lint-ignore no-explicit-any -- any tool's types
  readonly infer?: { args: any; result: any; job: boolean };
}

/** Tools by name: `typeof tools` of what the server was given. */
export type AnyTools = Readonly<Record<string, ToolTypes>>;

/** The tools that every server has. */
export interface Builtins {
  /** Who the server is. */
  readonly server_identity: {
    readonly infer?: {
      args: Record<never, never>;
      result: {
        server_id: string;
        fingerprint: string;
        capabilities: Record<string, boolean>;
      };
      job: false;
    };
  };
  /** Tells a job what it asks: an answer for each question, by its name. */
  readonly answer_job: {
    readonly infer?: {
      args: {
        job_id: string;
        answers: Record<
          string,
          { action: "accept" | "decline" | "cancel"; content?: object }
        >;
      };
      result: { job_id: string; status: string };
      job: false;
    };
  };
  /** This client's jobs, newest first; `cursor` leads to the next page. */
  readonly list_jobs: {
    readonly infer?: {
      args: {
        status?: "running" | "done" | "error" | "cancelled";
        limit?: number;
        cursor?: string;
      };
      result: {
        jobs: {
          job_id: string;
          request_id: string;
          tool: string;
          status: "running" | "done" | "error" | "cancelled";
          created_ms: number;
          updated_ms: number;
          progress?: number;
          message?: string;
        }[];
        cursor?: string;
      };
      job: false;
    };
  };
  /** The tools that this client may call. */
  readonly list_tools: {
    readonly infer?: {
      args: Record<never, never>;
      result: {
        tools: {
          name: string;
          description: string;
          input_schema: Record<string, unknown>;
          output_schema?: Record<string, unknown>;
          job: boolean;
          replayable: boolean;
        }[];
      };
      job: false;
    };
  };
}

/** The types that a tool carries. */
export type TypesOf<T> = T extends ToolTypes ? NonNullable<T["infer"]> : never;
/** A tool's arguments, as a caller writes them. */
export type ArgsOf<T> = TypesOf<T>["args"];
/** A tool's result, as a caller gets it. */
export type ResultOf<T> = TypesOf<T>["result"];
/** The names of the tools that are jobs, or that are not. */
export type Names<T, Job extends boolean> =
  & string
  & { [K in keyof T]: TypesOf<T[K]>["job"] extends Job ? K : never }[keyof T];
/** What follows a tool's name; arguments may be left out where none is required. */
export type Rest<Args, Options> = Record<never, never> extends Args
  ? [args?: Args, options?: Options]
  : [args: Args, options?: Options];

/** Options for {@linkcode createClient}. */
export interface ClientOptions {
  /** The server's endpoint. */
  url?: string | URL;
  /** A server in the same process: `handle` takes the place of the network. */
  handle?: (request: Request) => Response | Promise<Response>;
  /** This client's id. */
  clientId: string;
  /** The secret shared with the server. */
  secret: Secret;
  /** The server's id: calls are signed for it and no other. */
  serverId: string;
  /** Takes a secret of fewer than 32 bytes. */
  allowShortSecrets?: boolean;
  /** Takes the place of the global `fetch`. */
  fetch?: (request: Request) => Promise<Response>;
  /** Tries after the first, where trying again is safe. Defaults to 4. */
  retries?: number;
  /** Milliseconds that one try may take. Defaults to 60,000. */
  timeoutMs?: number;
  /** Current time, in Unix milliseconds. Defaults to `Date.now`. */
  now?: () => number;
}

/** Options for one call. */
export interface CallOptions {
  /** Breaks the call off. */
  signal?: AbortSignal;
  /** The call's id. Defaults to a UUID; a job's start that repeats one is the same job. */
  requestId?: string;
}

/** A client, as {@linkcode createClient} makes it. */
export interface Client<T> {
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
  call<N extends Names<T & Builtins, false> & keyof (T & Builtins)>(
    name: N,
    ...rest: Rest<
      ArgsOf<(T & Builtins)[N]>,
      CallOptions & { replayable?: boolean }
    >
  ): Promise<ResultOf<(T & Builtins)[N]>>;
  /**
   * Starts a job. Sent again until it is accepted: it starts once.
   *
   * @throws {CountersignError} As `call`; also `too_many_jobs` and
   * `idempotency_conflict`.
   */
  start<N extends Names<T, true>>(
    name: N,
    ...rest: Rest<ArgsOf<T[N]>, CallOptions>
  ): Promise<JobHandle<ResultOf<T[N]>>>;
  /** The handle of a job that was started earlier, perhaps by another process. */
  job<Result = unknown>(id: string): JobHandle<Result>;
}

/**
 * Makes a client.
 *
 * @throws {TypeError} If there is neither `url` nor `handle`.
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
 *   handle,
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
  const { url, handle, clientId, secret, serverId } = options;
  if (url === undefined && handle === undefined) {
    throw new TypeError("Give the client the server's url, or its handle");
  }
  const target = String(url ?? "http://localhost/");
  const deliver = options.fetch ?? handle ?? fetch;
  const send: Send = sender({
    clientId,
    secret,
    serverId,
    allowShortSecrets: options.allowShortSecrets ?? false,
    retries: options.retries ?? 4,
    timeoutMs: options.timeoutMs ?? 60_000,
    now: options.now ?? Date.now,
    deliver: async (body, signal) =>
      await deliver(
        new Request(target, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body,
          signal,
          // A signed call is for this server; Workers know no "error" here.
          redirect: "manual",
        }),
      ),
  });

  return {
    async call(tool, ...[args, options]) {
      const { result } = await send({
        tool,
        args: args ?? {},
        requestId: options?.requestId ?? crypto.randomUUID(),
        repeatable: options?.replayable ?? READS.has(tool),
        signal: options?.signal,
      });
      return result as never;
    },

    async start(tool, ...[args, options]) {
      return jobHandle(
        send,
        await firstState(send, {
          tool,
          args: args ?? {},
          requestId: options?.requestId ?? crypto.randomUUID(),
          repeatable: true,
          signal: options?.signal,
        }),
      );
    },

    job: (id) => jobHandle(send, { id, pollAfterMs: 500 }),
  };
}

/** Built-in tools that change nothing. */
const READS: ReadonlySet<string> = new Set([
  "server_identity",
  "list_tools",
  "list_jobs",
]);
