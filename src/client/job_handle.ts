/**
 * A job, from its start to its end.
 *
 * @module
 */

import { CountersignError, type ErrorCode } from "../errors.ts";
import type { WireJobStatus } from "../job/wire_status.ts";
import { pause } from "../waiting.ts";
import { checkMembers, unverifiedError } from "./response.ts";
import { callBuiltin, type Send, type Sending } from "./send.ts";

/** How a job stands; `status` is a {@linkcode WireJobStatus}. */
export type JobState<Result> =
  | {
    readonly status: Extract<WireJobStatus, "running">;
    /** 0 to 1, once the job has told. */
    readonly progress?: number;
    /** The same in words. */
    readonly message?: string;
    /** What it waits to be told, by name; {@linkcode JobHandle.answer} answers. */
    readonly questions?: Readonly<
      Record<string, {
        readonly kind: "form" | "url";
        /** What the person reads. */
        readonly message: string;
        /** Unix milliseconds after which silence is taken for `cancel`. */
        readonly until: number;
        /** Of a `form`: its fields, in JSON Schema. */
        readonly schema?: object;
        /** Of a `url`: the page. */
        readonly url?: string;
      }>
    >;
  }
  | {
    readonly status: Extract<WireJobStatus, "done">;
    readonly result: Result;
  }
  | {
    readonly status: Extract<WireJobStatus, "error" | "cancelled">;
    /** `tool_failed` or `result_too_large`; `job_cancelled` of a cancelled job. */
    readonly error: CountersignError;
  };

/** What a running job tells. */
export type JobProgress = Extract<JobState<never>, { status: "running" }>;

/**
 * A job that was started; iterating over it yields its progress until it ends.
 *
 * Every method is sent again if its answer is lost, and throws what a call may
 * throw, or `job_not_found`.
 */
export interface JobHandle<Result> extends AsyncIterable<JobProgress> {
  /** Names the job to {@linkcode Client.job}, in this process or another. */
  readonly id: string;
  /** Asks once how the job stands, waiting up to `waitMs` (at most 25,000) for it to change. */
  poll(
    options?: { waitMs?: number; signal?: AbortSignal },
  ): Promise<JobState<Result>>;
  /**
   * Waits for the result.
   *
   * @throws {CountersignError} `tool_failed`, `result_too_large`,
   * `job_cancelled`, or what a call may throw.
   */
  result(
    options?: {
      signal?: AbortSignal;
      onProgress?: (progress: JobProgress) => void;
    },
  ): Promise<Result>;
  /**
   * Answers a question by its name; `content` is what was filled in. What the
   * job does not ask, or no longer, is ignored.
   */
  answer(
    name: string,
    reply:
      | { readonly action: "accept"; readonly content?: object }
      | { readonly action: "decline" | "cancel" },
    options?: { signal?: AbortSignal },
  ): Promise<void>;
  /** Cancels the job; one that has ended stays as it is. */
  cancel(options?: { signal?: AbortSignal }): Promise<void>;
}

/** A job as {@linkcode Client.start} hands it out. */
export interface StartedJob<Result> extends JobHandle<Result> {
  /** The id of the request that started it: `client.job({ requestId })` makes the handle anew. */
  readonly requestId: string;
}

/** A wait that proxies and platforms let pass. */
const WAIT_MS = 20_000;
/** How far apart a server may have polls be. */
const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 60_000;

/** What names a job to the server: its id, or that of the request that started it. */
export type JobKey =
  | { readonly job_id: string }
  | { readonly request_id: string };

/** How a handle's id begins where the server never told the job's own. */
const BY_REQUEST = "request_id:";

/** Reads a handle's id. */
export function parseJobId(id: string): JobKey {
  return id.startsWith(BY_REQUEST)
    ? { request_id: id.slice(BY_REQUEST.length) }
    : { job_id: id };
}

/** What a client knows of a job. */
export interface KnownJob {
  /** What names it to the server. */
  readonly key: JobKey;
  readonly pollAfterMs: number;
  /** Its end, where the start was answered with it. */
  readonly end?: JobState<never>;
}

/** Starts a job. */
export async function startJob(
  send: Send,
  start: Sending & { readonly requestId: string },
): Promise<KnownJob> {
  const key = { request_id: start.requestId };
  try {
    const { status, result } = await send(start);
    if (status !== "accepted") {
      const end = { status: "done" as const, result: result as never };
      return { key, pollAfterMs: 0, end };
    }
    const { job_id, poll_after_ms } = checkMembers(result, {
      job_id: "string",
      poll_after_ms: "number",
    }) as { job_id: string; poll_after_ms: number };
    const pollAfterMs = Math.max(poll_after_ms, SHORTEST_PAUSE_MS);
    return {
      key: { job_id },
      pollAfterMs: Math.min(pollAfterMs, LONGEST_PAUSE_MS),
    };
  } catch (error) {
    return { key, pollAfterMs: 0, end: endOf(error) };
  }
}

/** Makes a job's handle. */
export function createJobHandle<Result>(
  send: Send,
  job: KnownJob,
): JobHandle<Result> {
  /** How the job stands, again and again, until its end and with it. */
  async function* states(
    signal?: AbortSignal,
  ): AsyncGenerator<JobState<Result>> {
    for (;;) {
      const asked = Date.now();
      const state = await pollJob<Result>(send, job, WAIT_MS, signal);
      yield state;
      if (state.status !== "running") return;
      // A server that does not wait is not asked without a pause.
      const early = asked + job.pollAfterMs - Date.now();
      if (early > 0) await pause(early, signal);
    }
  }

  const { key } = job;
  return {
    id: "job_id" in key ? key.job_id : BY_REQUEST + key.request_id,

    poll: ({ waitMs = 0, signal } = {}) => pollJob(send, job, waitMs, signal),

    async result({ signal, onProgress } = {}) {
      for await (const state of states(signal)) {
        if (state.status === "done") return state.result;
        if (state.status !== "running") throw state.error;
        onProgress?.(state);
      }
      throw new TypeError("A job's states end with its end");
    },

    async answer(name, reply, { signal } = {}) {
      if (job.end) return;
      // Not assigned: a question may be named "__proto__".
      const answers = Object.fromEntries([[name, reply]]);
      await callBuiltin(send, "answer_job", { ...job.key, answers }, signal);
    },

    async cancel({ signal } = {}) {
      if (job.end) return;
      await callBuiltin(send, "cancel_job", job.key, signal);
    },

    async *[Symbol.asyncIterator]() {
      for await (const state of states()) {
        if (state.status === "running") yield state;
        else if (state.status !== "done") throw state.error;
      }
    },
  };
}

async function pollJob<Result>(
  send: Send,
  { key, end }: KnownJob,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<JobState<Result>> {
  if (end) return end;
  const args = { ...key, ...waitMs > 0 && { wait_ms: waitMs } };
  try {
    const { status, result } = await callBuiltin(
      send,
      "poll_job",
      args,
      signal,
    );
    if (status === "done") return { status, result: result as Result };
    if (status !== "running") throw unverifiedError(`no job is "${status}"`);
    const progress = checkMembers(result, {
      progress: "number|undefined",
      message: "string|undefined",
      questions: "object|undefined",
    });
    return { ...progress, status: "running" };
  } catch (error) {
    return endOf(error);
  }
}

/** How a job can end that is not done. */
const ENDS: ReadonlySet<ErrorCode> = new Set([
  "tool_failed",
  "result_too_large",
  "job_cancelled",
]);

/** The end that an error tells of: the server signed it, and it names the job. */
function endOf(error: unknown): JobState<never> {
  if (
    !(error instanceof CountersignError && error.signed && error.jobId &&
      ENDS.has(error.code))
  ) throw error;
  const status = error.code === "job_cancelled" ? "cancelled" : "error";
  return { status, error };
}
