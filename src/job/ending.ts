/**
 * How an attempt ended, and what that makes of its job.
 *
 * @module
 */

import { CountersignError, TerminalError, ToolError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Timing } from "../timing.ts";
import { ResultError } from "../tool/run.ts";
import type { Tools } from "../tool/tool.ts";
import {
  advance,
  backoff,
  complete,
  fail,
  type Job,
  type JobError,
  postpone,
  strikesOf,
  suspend,
} from "./job.ts";
import type { Lease } from "./lease.ts";
import { logFields, LONGEST_MESSAGE } from "./log_fields.ts";
import type { JobStore, StoredJob } from "./store.ts";
import { cut } from "../text.ts";

/** How an attempt ended. */
export type Ending =
  | { readonly kind: "lost" }
  | {
    /** How many outcomes were kept by then. */
    readonly kept: number;
  }
    & (
      | { readonly kind: "returned"; readonly value: unknown }
      | {
        readonly kind: "threw";
        readonly error: unknown;
        /** Whether every further attempt would throw it, too. */
        readonly isFinal?: boolean;
      }
      | {
        readonly kind: "gave way";
        readonly dueAt: number;
        /** What it waits to be told. */
        readonly questions?: Job["questions"];
      }
    );

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
      return await lease.end((stored, until) =>
        store.replace(
          stored,
          afterLeaving(stored.job, ending, lease, now()),
          until,
        )
      );
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
        const threw: Ending = { ...ending, kind: "threw", error };
        return await recordEnding(threw, lease, options);
      }
    case "threw": {
      let isLogged = false;
      return await lease.end((stored, until) => {
        const next = afterFailure(stored.job, ending, options, !isLogged);
        isLogged = true;
        return store.replace(stored, next, until);
      });
    }
  }
}

/** What was answered while the attempt was leaving is not asked again: the job is due. */
function afterLeaving(
  job: Job,
  { dueAt, questions, kept }: Ending & { kind: "gave way" },
  { answered }: Lease,
  now: number,
): Job {
  const left = Object.entries(questions ?? {})
    .filter(([name]) => !answered.has(name));
  const isAnswered = left.length < Object.keys(questions ?? {}).length;
  return suspend(
    advance(job, kept),
    now,
    isAnswered ? now : Math.max(now, dueAt),
    questions && Object.fromEntries(left),
  );
}

/** For the jobs of a tool that this instance does not have. */
const UNKNOWN = { attempts: 1, backoffMs: 0 };

function afterFailure(
  job: Job,
  { error, kept, isFinal = false }: Ending & { kind: "threw" },
  { tools, retentionMs, log, timing }: EndingOptions,
  isFirst: boolean,
): Job {
  const { attempts, backoffMs } = tools[job.tool]?.job ?? UNKNOWN;
  const known = advance(job, kept);
  const strikes = strikesOf(known) + 1;
  const isLast = strikes >= attempts || isFinal || cannotSucceed(error);
  if (isFirst) {
    log(isLast ? "error" : "warn", "A job's attempt failed", {
      ...logFields(job),
      attempt: job.failures + 1,
      error,
    });
  }
  return isLast
    ? fail(known, timing.now(), retentionMs, toJobError(error))
    : postpone(
      known,
      timing.now(),
      backoff(strikes, backoffMs, timing.random),
    );
}

/** Whether every attempt would end so. */
function cannotSucceed(error: unknown): boolean {
  return error instanceof TerminalError || isTooLarge(error) ||
    (error instanceof CountersignError && error.cause instanceof ResultError);
}

function toJobError(error: unknown): JobError {
  if (isTooLarge(error)) {
    return { code: "result_too_large", message: error.message };
  }
  if (error instanceof ToolError) {
    const message = cut(error.message, LONGEST_MESSAGE);
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
