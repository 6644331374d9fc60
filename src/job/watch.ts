/**
 * A job after its start, as its owner sees it: looked at, followed, answered.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import type { Background } from "./background.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { isFinal, type Job, takeAnswers } from "./job.ts";
import { answerStep } from "./journal.ts";
import type { JobStore, StoredJob } from "./store.ts";

/** A job as its owner may see it. */
export interface View {
  readonly job: Job;
  readonly outcome: Outcome;
}

/** What an owner may do with a job that was started. */
export interface Following {
  /**
   * Tells all of a job, and drives it if nobody does.
   *
   * @throws {CountersignError} `job_not_found`
   */
  view(id: string, clientId: string, background: Background): Promise<View>;
  /**
   * Yields a job as it stands and at every change that its owner can see, until
   * it ends, is removed, or the signal is aborted.
   *
   * @throws {CountersignError} `job_not_found`
   */
  follow(
    id: string,
    clientId: string,
    signal: AbortSignal,
    background: Background,
  ): AsyncGenerator<View, void>;
  /**
   * Answers questions of a job; names that it does not ask for are ignored.
   *
   * @throws {CountersignError} `job_not_found`, or `unavailable` while it runs
   */
  answer(
    id: string,
    clientId: string,
    answers: Readonly<Record<string, unknown>>,
    background: Background,
  ): Promise<Job>;
}

/** What {@linkcode following} works with. */
export interface FollowingOptions {
  readonly store: JobStore;
  /** Reads a job, for its owner only. */
  owned(id: string, clientId: string): Promise<StoredJob>;
  /** Runs a job that is overdue. */
  drive(held: StoredJob, background: Background): void;
  /** Current time, in Unix milliseconds. */
  now(): number;
}

/** Longest and shortest that following a job waits before it looks again. */
const LONGEST_WAIT_MS = 20_000;
const SHORTEST_WAIT_MS = 200;
/** How long an answer waits for a job that runs. */
const PATIENCE_MS = 10_000;

/** Makes what owners may do with their jobs. */
export function following(options: FollowingOptions): Following {
  const { store, owned, drive, now } = options;

  async function viewOf({ job }: StoredJob): Promise<View> {
    return { job, outcome: await outcomeOf(job, store) };
  }

  /** Waits for a change, or until the job is due; `undefined` once nobody waits. */
  async function change(
    held: StoredJob,
    signal: AbortSignal,
  ): Promise<StoredJob | undefined> {
    const dueInMs = Math.max(SHORTEST_WAIT_MS, held.job.dueAt - now());
    const waitMs = Math.min(LONGEST_WAIT_MS, dueInMs);
    try {
      return await store.changed(held, waitMs, signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  return {
    async view(id, clientId, background) {
      const held = await owned(id, clientId);
      drive(held, background);
      return await viewOf(held);
    },

    async *follow(id, clientId, signal, background) {
      let seen: string | undefined;
      let held: StoredJob | undefined = await owned(id, clientId);
      while (held && !signal.aborted) {
        drive(held, background);
        const { status, progress, questions } = held.job;
        const visible = JSON.stringify([status, progress, questions]);
        if (visible !== seen) yield await viewOf(held);
        seen = visible;
        if (isFinal(held.job)) return;
        held = await change(held, signal);
      }
    },

    async answer(id, clientId, answers, background) {
      const until = now() + PATIENCE_MS;
      for (let held = await owned(id, clientId);;) {
        const names = Object.keys(held.job.questions ?? {})
          .filter((name) => Object.hasOwn(answers, name));
        if (isFinal(held.job) || names.length === 0) return held.job;
        if (held.job.lease === undefined) {
          const steps = names.map((name) =>
            [answerStep(name), answers[name]] as const
          );
          const next = takeAnswers(held.job, now(), new Set(names));
          const written = await store.answer(held, next, new Map(steps));
          if (written) {
            drive(written, background);
            return written.job;
          }
        } else if (now() >= until) {
          throw new CountersignError(
            "unavailable",
            "The job is running just now; answer it again",
            { retryAfterMs: 1000 },
          );
        } else {
          // It was woken beside its question: whoever runs it must not lose it.
          drive(held, background);
          await store.changed(held, until - now());
        }
        held = await owned(id, clientId);
      }
    },
  };
}
