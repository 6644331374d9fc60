/**
 * What the server keeps of jobs, and nothing else.
 *
 * The contract that every store holds, whatever it is kept in:
 *
 * - Every method that changes something happens whole or not at all, and ends
 *   in a certain answer: after a doubtful write the store finds out what became
 *   of it, or throws `unavailable`, after which the same call may be made again.
 * - `accept` spends the nonce, adds the job and makes it due in one commit.
 * - A job changes only through `replace` and `keepStep`, and only while it
 *   stands as it was read; of any number of callers one wins.
 * - A store that is away is asked again, `until` a time of the monotonic clock
 *   where one is given.
 * - What was accepted is due until it is final, and then until it is removed.
 *
 * @module
 */

import type { Nonce } from "../signing/nonce.ts";
import type { Job, JobStatus } from "./job.ts";

/** A job as last read, with the version that a write must still find. */
export interface StoredJob {
  /** The job. */
  readonly job: Job;
  /** Changes with every write of the job. */
  readonly version: string;
}

/** An entry of the due index: somebody should work on a job since `at`. */
export interface Due {
  /** The job's id. */
  readonly id: string;
  /** The job's `dueAt` when the entry was made. */
  readonly at: number;
}

/** Which of a client's jobs to list. */
export interface Page {
  /** Only those that stand so. */
  readonly status?: JobStatus | undefined;
  /** Most jobs to list. */
  readonly limit: number;
  /** Where the page before this one ended. */
  readonly cursor?: string | undefined;
}

/** A page of jobs. */
export interface Listing {
  readonly jobs: readonly Job[];
  /** Where the next page begins; `undefined` after the last. */
  readonly cursor: string | undefined;
}

/** What became of a job that was to be accepted. */
export type Acceptance =
  | { readonly kind: "accepted"; readonly stored: StoredJob }
  | { readonly kind: "known"; readonly stored: StoredJob }
  | { readonly kind: "replayed" };

/** Where jobs and their steps live. */
export interface JobStore {
  /**
   * Adds a job and its arguments, unless the nonce was spent (`replayed`) or
   * the job is there already (`known`, and the nonce is not spent).
   */
  accept(
    job: Omit<Job, "args">,
    args: unknown,
    nonce: Nonce | undefined,
  ): Promise<Acceptance>;
  /** Reads a job. */
  read(id: string, until?: number): Promise<StoredJob | undefined>;
  /** Reads a job's arguments. */
  args(job: Job): Promise<unknown>;
  /** Reads a completed job's result. */
  result(job: Job): Promise<unknown>;
  /** Replaces a job; `undefined` if it changed since it was read. */
  replace(
    stored: StoredJob,
    next: Job,
    until?: number,
  ): Promise<StoredJob | undefined>;
  /**
   * Replaces a job with one that keeps `result`.
   *
   * @throws {CountersignError} `result_too_large`
   */
  complete(
    stored: StoredJob,
    next: (result: NonNullable<Job["result"]>) => Job,
    result: unknown,
    until?: number,
  ): Promise<StoredJob | undefined>;
  /**
   * Replaces a job that was answered, keeping the answers as steps.
   *
   * @throws {CountersignError} `result_too_large`
   */
  answer(
    stored: StoredJob,
    next: Job,
    answers: ReadonlyMap<string, unknown>,
  ): Promise<StoredJob | undefined>;
  /**
   * Keeps a step's value; `false` if the job changed since it was read.
   *
   * @throws {CountersignError} `result_too_large`
   */
  keepStep(
    stored: StoredJob,
    name: string,
    value: unknown,
    until?: number,
  ): Promise<boolean>;
  /** Reads the values of all kept steps. */
  steps(id: string): Promise<Map<string, unknown>>;
  /** Lists what is due, longest overdue first. */
  due(now: number, limit: number): Promise<Due[]>;
  /** Drops an entry of {@linkcode due} that no job answers to any more. */
  forget(due: Due): Promise<void>;
  /** Counts a client's unfinished jobs, up to `limit`. */
  unfinished(clientId: string, limit: number): Promise<number>;
  /** Lists a client's jobs, newest first. */
  list(clientId: string, page: Page): Promise<Listing>;
  /** Waits, at most `ms`, until a job is not as it was read; reads it again. */
  changed(
    stored: StoredJob,
    ms: number,
    signal?: AbortSignal,
  ): Promise<StoredJob | undefined>;
  /** Removes a final job with all that belongs to it; `false` if it changed. */
  remove(stored: StoredJob): Promise<boolean>;
}
