/**
 * Follows a job to its end.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import { pause } from "../waiting.ts";
import type { Send, Sending } from "./send.ts";

/** How a job stands. */
export type JobState<Result> =
  | {
    readonly status: "running";
    /** 0 to 1, once the job has told. */
    readonly progress?: number;
    /** The same in words. */
    readonly message?: string;
    /** What it waits to be told, by name; `answer_job` answers. */
    readonly questions?: Readonly<
      Record<string, { readonly kind: string; readonly message: string }>
    >;
  }
  | { readonly status: "done"; readonly result: Result }
  | {
    readonly status: "error";
    /** `tool_failed`, `result_too_large` or `job_cancelled`. */
    readonly error: CountersignError;
  };

/** What a running job tells. */
export type JobProgress = Extract<JobState<never>, { status: "running" }>;

/** A job that was accepted; iterating over it yields its progress until it ends. */
export interface JobHandle<Result> extends AsyncIterable<JobProgress> {
  /**
   * The job's id: `client.job(id)` makes the handle anew. `undefined` if the
   * job had ended in the very first answer.
   */
  readonly id: string | undefined;
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
  /** Cancels the job; one that has ended stays as it is. */
  cancel(options?: { signal?: AbortSignal }): Promise<void>;
}

/** A wait that proxies and platforms let pass. */
const WAIT_MS = 20_000;

/** What a job's start was answered with: where to ask, or already its end. */
export type FirstState =
  | { readonly id: string; readonly pollAfterMs: number }
  | { readonly id: undefined; readonly ended: JobState<never> };

/** Starts a job. */
export async function firstState(
  send: Send,
  start: Sending,
): Promise<FirstState> {
  try {
    const { status, result } = await send(start);
    if (status === "done") {
      return { id: undefined, ended: { status, result: result as never } };
    }
    const { job_id, poll_after_ms } = result as {
      job_id: string;
      poll_after_ms: number;
    };
    return { id: job_id, pollAfterMs: poll_after_ms };
  } catch (error) {
    if (!(error instanceof CountersignError && error.jobId)) throw error;
    return { id: undefined, ended: { status: "error", error } };
  }
}

/** Makes a job's handle. */
export function jobHandle<Result>(
  send: Send,
  first: FirstState,
): JobHandle<Result> {
  const { id } = first;
  const handle: JobHandle<Result> = {
    id,

    async poll({ waitMs = 0, signal } = {}) {
      if (first.id === undefined) return first.ended;
      try {
        const { status, result } = await send({
          tool: "poll_job",
          args: { job_id: id, ...waitMs > 0 && { wait_ms: waitMs } },
          requestId: crypto.randomUUID(),
          repeatable: true,
          signal,
        });
        if (status === "done") return { status, result: result as Result };
        return { ...result as JobProgress, status: "running" };
      } catch (error) {
        const ended = error instanceof CountersignError && error.jobId === id;
        if (ended) return { status: "error", error };
        throw error;
      }
    },

    async result({ signal, onProgress } = {}) {
      for await (const state of states(signal)) {
        if (state.status === "done") return state.result;
        if (state.status === "error") throw state.error;
        onProgress?.(state);
      }
      throw new TypeError("A job's states end with its end");
    },

    async cancel({ signal } = {}) {
      if (id === undefined) return;
      await send({
        tool: "cancel_job",
        args: { job_id: id },
        requestId: crypto.randomUUID(),
        repeatable: true,
        signal,
      });
    },

    async *[Symbol.asyncIterator]() {
      for await (const state of states()) {
        if (state.status === "running") yield state;
        if (state.status === "error") throw state.error;
      }
    },
  };

  /** How the job stands, again and again, until its end and with it. */
  async function* states(
    signal?: AbortSignal,
  ): AsyncGenerator<JobState<Result>> {
    for (;;) {
      const asked = Date.now();
      const state = await handle.poll({ waitMs: WAIT_MS, signal });
      yield state;
      if (state.status !== "running") return;
      // A server that does not wait is not asked without a pause.
      const { pollAfterMs } = first as { pollAfterMs: number };
      const early = asked + pollAfterMs - Date.now();
      if (early > 0) await pause(early, signal);
    }
  }

  return handle;
}
