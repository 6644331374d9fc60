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
 * - What was accepted is due until it is final, and then in the index of what
 *   is to be removed until it is.
 * - A client never has more unfinished jobs than were allowed when it started
 *   the last of them.
 *
 * @module
 */

import type { StoredValue } from "../kv/chunks.ts";
import type { Nonce } from "../signing/nonce.ts";
import type { Job, JobStatus } from "./job.ts";

/** A job as last read, with the version that a write must still find. */
export interface StoredJob {
  /** The job. */
  readonly job: Job;
  /** Changes with every write of the job. */
  readonly version: string;
}

/** A job to be accepted, with the values that the store is to keep. */
export type NewJob = Omit<Job, "args" | "given" | "place"> & {
  /** What its tool is given. */
  readonly args: unknown;
  /** What the caller sent, where that is something else. */
  readonly given?: unknown;
  /** The same for the same values: what was half written is found again. */
  readonly valuesName?: string | undefined;
};

/** What stands where a job should. */
export interface Unreadable {
  readonly error: unknown;
}

/** An entry of the due index: somebody should run a job since `at`. */
export interface Due {
  /** The job's id. */
  readonly id: string;
  /** The job's `dueAt` when the entry was made. */
  readonly at: number;
  /** Whose job it is; version 0.1 did not say. */
  readonly clientId?: string;
  /** The tool that it runs; version 0.1 did not say. */
  readonly tool?: string;
}

/** What was removed. */
export interface Removal {
  readonly removed: number;
  /** When the next is due, as far as was looked. */
  readonly nextAt: number | undefined;
}

/** How a step ended, and when. */
export interface StepOutcome {
  /** What it returned. */
  readonly value?: unknown;
  /** How it failed for good. */
  readonly error?: StepError;
  /** When it was kept, in Unix milliseconds. */
  readonly keptAt?: number;
  /** Milliseconds after its attempt began. */
  readonly asked?: number;
  /** Characters of JSON that its value has. */
  readonly size?: number;
}

/** A step's failure: of its class, what tells how to go on. */
export interface StepError {
  readonly kind: "terminal" | "tool" | "other";
  readonly name: string;
  readonly message: string;
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
  | {
    readonly kind: "known";
    readonly stored: StoredJob;
    /** Whether this very start has spent its nonce. */
    readonly isSpent: boolean;
  }
  | { readonly kind: "replayed" }
  | { readonly kind: "full"; readonly unfinished: number };

/** Where jobs and their steps live. */
export interface JobStore {
  /**
   * Adds a job and its arguments, unless the nonce was spent (`replayed`), the
   * job is there already (`known`), or its client has `maxUnfinished` jobs that
   * are unfinished (`full`).
   */
  accept(
    job: NewJob,
    nonce: Nonce | undefined,
    maxUnfinished: number,
  ): Promise<Acceptance>;
  /** Looks whether a start is one that was made before, or its nonce was spent. */
  find(id: string, nonce: Nonce | undefined): Promise<Acceptance | undefined>;
  /** Reads a job. */
  read(id: string, until?: number): Promise<StoredJob | undefined>;
  /** Reads many jobs, and what stands where one should. */
  readMany(
    ids: readonly string[],
  ): Promise<(StoredJob | Unreadable | undefined)[]>;
  /** Reads a value that a job keeps: its arguments, its result. */
  value(job: Job, stored: StoredValue | undefined): Promise<unknown>;
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
   * Keeps a step's outcome; `false` if the job changed since it was read, or
   * there is one already.
   *
   * @throws {CountersignError} `result_too_large`
   */
  keepStep(
    stored: StoredJob,
    name: string,
    outcome: StepOutcome,
    until?: number,
  ): Promise<boolean>;
  /** Reads the outcomes of all kept steps. */
  steps(id: string): Promise<Map<string, StepOutcome>>;
  /** Lists what is due, longest overdue first; from behind an entry, to go on. */
  due(until: number, limit: number, after?: Due): Promise<Due[]>;
  /** Drops an entry of {@linkcode due} that no job answers to any more. */
  forget(due: Due): Promise<void>;
  /** Moves an entry to a later time, whatever it is about. */
  setAside(due: Due, until: number): Promise<void>;
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
  /** Removes final jobs with all that belongs to them; how many it removed. */
  remove(jobs: readonly StoredJob[]): Promise<number>;
  /** Removes final jobs whose time is over, up to a limit. */
  removeGone(now: number, limit: number): Promise<Removal>;
}
