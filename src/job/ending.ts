/**
 * How an attempt ended, and what that makes of its job.
 *
 * @module
 */

import { CountersignError, TerminalError, ToolError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Timing } from "../timing.ts";
import type { Tools } from "../tool/tool.ts";
import {
  backoff,
  complete,
  fail,
  type Job,
  type JobError,
  postpone,
  suspend,
} from "./job.ts";
import type { Lease } from "./lease.ts";
import { logFields, LONGEST_MESSAGE } from "./log_fields.ts";
import type { JobStore, StoredJob } from "./store.ts";

/** How an attempt ended. */
export type Ending =
  | { readonly kind: "returned"; readonly value: unknown }
  | { readonly kind: "threw"; readonly error: unknown }
  | {
    readonly kind: "gave way";
    readonly dueAt: number;
    /** What it waits to be told. */
    readonly questions?: Job["questions"];
  }
  | { readonly kind: "lost" };

/** What endings are recorded with. */
export interface EndingOptions {
  readonly tools: Tools;
  readonly store: JobStore;
  /** How long a final job stays readable, in milliseconds. */
  readonly retentionMs: number;
  readonly log: Log;
  readonly timing: Timing;
}

/**
 * Writes down how an attempt ended.
 *
 * @returns The job as it then stands; `undefined` if its lease was lost.
 */
export async function recordEnding(
  ending: Ending,
  lease: Lease,
  options: EndingOptions,
): Promise<StoredJob | undefined> {
  const { store, retentionMs, timing: { now } } = options;
  switch (ending.kind) {
    case "lost":
      return undefined;
    case "gave way":
      return await lease.end((stored, until) => {
        const time = now();
        const dueAt = Math.max(time, ending.dueAt);
        const next = suspend(stored.job, time, dueAt, ending.questions);
        return store.replace(stored, next, until);
      });
    case "returned":
      try {
        return await lease.end((stored, until) =>
          store.complete(
            stored,
            (kept) => complete(stored.job, now(), retentionMs, kept),
            ending.value,
            until,
          )
        );
      } catch (error) {
        if (!isTooLarge(error)) throw error;
        return await recordEnding({ kind: "threw", error }, lease, options);
      }
    case "threw":
      return await lease.end((stored, until) => {
        const next = afterFailure(stored.job, ending.error, options);
        return store.replace(stored, next, until);
      });
  }
}

/** For the jobs of a tool that this instance does not have: another may. */
const UNKNOWN = { attempts: 10, backoffMs: 5000 };

function afterFailure(
  job: Job,
  error: unknown,
  { tools, retentionMs, log, timing }: EndingOptions,
): Job {
  const { attempts, backoffMs } = tools[job.tool]?.job ?? UNKNOWN;
  const failures = job.failures + 1;
  const isLast = failures >= attempts || error instanceof TerminalError ||
    isTooLarge(error);
  log(isLast ? "error" : "warn", "A job's attempt failed", {
    ...logFields(job),
    attempt: failures,
    error,
  });
  return isLast
    ? fail(job, timing.now(), retentionMs, toJobError(error))
    : postpone(
      job,
      timing.now(),
      backoff(failures, backoffMs, timing.random),
    );
}

function toJobError(error: unknown): JobError {
  if (isTooLarge(error)) {
    return { code: "result_too_large", message: error.message };
  }
  if (error instanceof ToolError) {
    const message = error.message.slice(0, LONGEST_MESSAGE);
    return { code: "tool_failed", message };
  }
  return {
    code: "tool_failed",
    message: "The tool failed; its error is in the server's log",
    internal: true,
  };
}

/** Whether a value was too large to be kept. */
export function isTooLarge(error: unknown): error is CountersignError {
  return error instanceof CountersignError && error.code === "result_too_large";
}
