/**
 * Jobs, and every way that one may change. Nothing here reads a clock or a store.
 *
 * The statuses are those of the MCP Tasks extension, so that a job is a task
 * without a translation table.
 *
 * @module
 */

import type { StoredValue } from "../kv/chunks.ts";
import type { QuestionJson } from "../tool/question.ts";

/** Where a job stands; all but `working` are final. */
export type JobStatus = "working" | "completed" | "failed" | "cancelled";

/** Why a job failed, fit for its owner. */
export interface JobError {
  /** `tool_failed` or `result_too_large`. */
  readonly code: "tool_failed" | "result_too_large";
  /** A sentence. */
  readonly message: string;
  /** Whether the tool broke, rather than said so itself. */
  readonly internal?: true;
}

/** A question that a job waits for an answer to. */
export type OpenQuestion = QuestionJson & {
  /** Unix milliseconds after which silence is taken for `cancel`. */
  readonly until: number;
};

/** How far a job is. */
export interface Progress {
  /** 0 to 1. */
  readonly fraction: number;
  /** In words. */
  readonly message?: string;
}

/** One durable run of a tool. Times are Unix milliseconds. */
export interface Job {
  /** Derived from owner and request under the server's secret: unguessable. */
  readonly id: string;
  /** The tool to run. */
  readonly tool: string;
  /** Who started it; nobody else ever sees it. */
  readonly clientId: string;
  /** The request that started it, and may be sent again to learn of it. */
  readonly requestId: string;
  /** What the tool is given: the arguments as they came, or as `prepare` left them. */
  readonly args: StoredValue;
  /** The arguments as they came, where `prepare` made others of them. */
  readonly given?: StoredValue;
  /** Its place among its client's unfinished jobs; version 0.1 gave none. */
  readonly place?: number;
  /** Where it stands. */
  readonly status: JobStatus;
  /** Attempts that failed or died. */
  readonly failures: number;
  /** Attempts that failed since a step was last kept; version 0.1 counted all. */
  readonly strikes?: number;
  /** Attempts that died since a step was last kept. */
  readonly crashes?: number;
  /** Steps that were kept when an attempt last failed. */
  readonly kept?: number;
  /** Times that somebody began to run it. */
  readonly runs: number;
  /** When it was accepted. */
  readonly createdAt: number;
  /** When it last changed. */
  readonly updatedAt: number;
  /** When somebody must next work on it: run it, take it over, or remove it. */
  readonly dueAt: number;
  /** Who runs it until `dueAt`. */
  readonly lease?: string;
  /** How long its lease lasts, counted from its last change. */
  readonly leaseMs?: number;
  /** How far the running attempt is. */
  readonly progress?: Progress;
  /** What it waits to be told, by name. */
  readonly questions?: Readonly<Record<string, OpenQuestion>>;
  /** What the tool returned, once `completed`. */
  readonly result?: StoredValue;
  /** Why it gave up, once `failed`. */
  readonly error?: JobError;
}

/** Whether nothing can change any more. */
export function isFinal(job: Job): boolean {
  return job.status !== "working";
}

/** A new job, leased at once where this instance will run it. */
export function accept(
  request: Pick<Job, "id" | "tool" | "clientId" | "requestId">,
  now: number,
  lease: string | undefined,
  leaseMs: number,
): Omit<Job, "args" | "given" | "place"> {
  return {
    ...request,
    status: "working",
    failures: 0,
    runs: lease === undefined ? 0 : 1,
    createdAt: now,
    updatedAt: now,
    dueAt: lease === undefined ? now : now + leaseMs,
    ...lease !== undefined && { lease, leaseMs },
  };
}

/** Whether a job's process died under it, and nothing has cleared it since. */
export function isSuspect(job: Job): boolean {
  return job.lease !== undefined || (job.crashes ?? 0) > 0;
}

/** Leases a job to whoever is about to run it. A lease that ran out counts as a crash. */
export function claim(
  job: Job,
  now: number,
  lease: string,
  leaseMs: number,
): Job {
  const runs = job.runs + 1;
  if (job.lease === undefined) {
    return extend({ ...job, runs, lease }, now, leaseMs);
  }
  const failures = job.failures + 1;
  const crashes = (job.crashes ?? 0) + 1;
  return extend({ ...job, failures, crashes, runs, lease }, now, leaseMs);
}

/** Moves a lease's end. */
export function extend(job: Job, now: number, leaseMs: number): Job {
  return { ...job, leaseMs, updatedAt: now, dueAt: now + leaseMs };
}

/** Forgets the failures from before a job got as far as it is. */
export function advance(job: Job, kept: number): Job {
  if (kept <= (job.kept ?? 0)) return job;
  return { ...job, kept, strikes: 0, crashes: 0 };
}

/** Gives a lease up until `dueAt`, without blame: a sleep, a question, a slice, a shutdown. */
export function suspend(
  job: Job,
  now: number,
  dueAt: number,
  questions: Job["questions"] = job.questions,
): Job {
  const { lease: _, leaseMs: __, questions: ___, ...rest } = job;
  const asks = questions && Object.keys(questions).length > 0;
  return { ...rest, ...asks && { questions }, updatedAt: now, dueAt };
}

/** Takes questions off a job, which is then due; one that runs is told. */
export function takeAnswers(
  job: Job,
  now: number,
  names: ReadonlySet<string>,
): Job {
  const left = Object.entries(job.questions ?? {})
    .filter(([name]) => !names.has(name));
  const questions = Object.fromEntries(left);
  return job.lease === undefined
    ? suspend(job, now, now, questions)
    : withQuestions({ ...job, updatedAt: now }, questions);
}

function withQuestions(
  { questions: _, ...job }: Job,
  questions: NonNullable<Job["questions"]>,
): Job {
  return Object.keys(questions).length > 0 ? { ...job, questions } : job;
}

/** Attempts that failed since a step was last kept. */
export function strikesOf({ strikes, place, failures }: Job): number {
  return strikes ?? (place === undefined ? failures : 0);
}

/** Gives a lease up after a failed attempt, to try again later. */
export function postpone(job: Job, now: number, delayMs: number): Job {
  const failures = job.failures + 1;
  const strikes = strikesOf(job) + 1;
  return suspend({ ...job, failures, strikes }, now, now + delayMs);
}

/** Ends a job with its result. */
export function complete(
  job: Job,
  now: number,
  retentionMs: number,
  result: StoredValue,
): Job {
  return end({ ...job, status: "completed", result }, now, retentionMs);
}

/** Ends a job with the error that made it give up. */
export function fail(
  job: Job,
  now: number,
  retentionMs: number,
  error: JobError,
): Job {
  return end(
    { ...job, status: "failed", failures: job.failures + 1, error },
    now,
    retentionMs,
  );
}

/** Ends a job that its owner no longer wants. */
export function cancel(job: Job, now: number, retentionMs: number): Job {
  return end({ ...job, status: "cancelled" }, now, retentionMs);
}

/** A final job is next due for removal. */
function end(job: Job, now: number, retentionMs: number): Job {
  const { progress: _, strikes: __, crashes: ___, ...rest } = suspend(
    job,
    now,
    now + retentionMs,
    {},
  );
  return rest;
}

/** Pause before the attempt after `failures`: full jitter, doubling, an hour at most. */
export function backoff(
  failures: number,
  baseMs: number,
  random: () => number,
): number {
  return Math.round(
    random() * Math.min(3_600_000, baseMs * 2 ** (failures - 1)),
  );
}
