/**
 * The hold that a worker has on a job.
 *
 * - L1. Every write holds only while the job stands as this lease left it: a
 *   job's version changes with every write. So a worker that lost its lease,
 *   however long it slept since, changes nothing.
 * - L2. A lease surely holds for a part of its time, counted from the *begin*
 *   of its last good write by a clock of this instance. Past that nothing
 *   begins before a renewal has landed: whoever takes a job over has first seen
 *   it stand for the whole of that time.
 * - L3. A write that finds another version reads the job: one that still has
 *   this lease was only told something, and the write is made again on it.
 * - L4. Writes go one after another, and renewals do not queue.
 * - L5. A store that is away is asked again until the lease is surely over:
 *   what was done is not forgotten for want of two seconds.
 *
 * @module
 */

import type { Timing } from "../timing.ts";
import { pause } from "../waiting.ts";
import { extend, type Job, type Progress } from "./job.ts";
import type { JobStore, StepOutcome, StoredJob } from "./store.ts";

/** A job that this instance may write to. */
export interface Lease {
  /** Aborted when the lease is lost, or the job was ended by somebody else. */
  readonly signal: AbortSignal;
  /** Whether it surely holds (L2): renews it first where it may have run out. */
  hold(): Promise<boolean>;
  /** Keeps a step's outcome, unless there is one already. */
  keepStep(
    name: string,
    outcome: StepOutcome,
  ): Promise<"kept" | "there" | "lost">;
  /** Changes what the job's record says, in a write that also extends the lease. */
  tell(news: News): Promise<void>;
  /** Reads what the job was told by others. */
  hear(): Promise<void>;
  /** The questions that were answered under this lease, by name. */
  readonly answered: ReadonlySet<string>;
  /** Says that a question is settled: it does not stand in the record again. */
  settle(name: string): void;
  /** Tells how far the job is, in a write that also extends the lease. */
  report(progress: Progress): void;
  /** Gives the lease up in one last write; `undefined` if it was lost. */
  end(write: LastWrite): Promise<StoredJob | undefined>;
  /** Loses the lease on purpose: the job was ended by this very instance. */
  lose(): void;
}

/** What a lease's holder may tell of its job. */
export type News = Partial<
  Pick<Job, "progress" | "questions" | "crashes" | "strikes" | "kept">
>;

/** Writes a job; `until` is when the store need not be asked any more. */
export type LastWrite = (
  stored: StoredJob,
  until: number,
) => Promise<StoredJob | undefined>;

/** What a lease is kept with. */
export interface LeaseOptions {
  readonly store: JobStore;
  readonly leaseMs: number;
  readonly timing: Timing;
}

/** An instant, by both clocks. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

/** Least time between two writes of progress. */
const PROGRESS_GAP_MS = 500;
/** The part of its time for which a lease surely holds. */
const SURE = 0.8;
/** Leases without a good write after which one is given up. */
const GIVEN_UP = 2;

/** The instant that it is. */
export function momentOf({ now, monotonic }: Timing): Moment {
  return { wall: now(), monotonic: monotonic() };
}

/**
 * Takes charge of a claimed job, and keeps its lease alive until it ends.
 *
 * @param begun When the write began that claimed it.
 */
export function holdLease(
  claimed: StoredJob,
  begun: Moment,
  { store, leaseMs, timing }: LeaseOptions,
): Lease {
  const lost = new AbortController();
  const inLine = createLine();
  let stored = claimed;
  let good = begun;
  const answered = new Set<string>();
  let news: News = {};
  let ended = false;
  let renewing: Promise<unknown> | undefined;
  let reporting: (() => void) | undefined;
  let heartbeat = timing.after(leaseMs / 3, beat);

  function stop(): void {
    ended = true;
    heartbeat();
    reporting?.();
  }

  function lose(): void {
    stop();
    lost.abort(new Error(`The lease of job ${stored.job.id} is lost`));
  }

  /** By the clock that ran further: one stands still while a laptop sleeps. */
  function heldFor(): number {
    const passed = timing.monotonic() - good.monotonic;
    return Math.max(passed, timing.now() - good.wall);
  }

  /** Writes to the job as it stands (L1, L3); `undefined` if nothing was written. */
  function write<T>(
    run: (stored: StoredJob, until: number) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    return inLine(async () => {
      while (!ended) {
        const until = good.monotonic + GIVEN_UP * leaseMs;
        const written = await run(stored, until);
        if (written !== undefined) return written;
        if (!await adopt(until)) return undefined;
      }
    });
  }

  /** Takes over what others told the job (L3); whether there was anything. */
  async function adopt(until?: number): Promise<boolean> {
    const found = await store.read(stored.job.id, until);
    if (found?.version === stored.version) return false;
    if (found?.job.lease !== stored.job.lease) {
      lose();
      return false;
    }
    const left = found?.job.questions ?? {};
    for (const name of Object.keys(stored.job.questions ?? {})) {
      if (!(name in left)) answered.add(name);
    }
    stored = found as StoredJob;
    return true;
  }

  /** The job with what is to be told of it. */
  function updated(job: Job): Job {
    const { questions = job.questions } = news;
    const left = Object.entries(questions ?? {})
      .filter(([name]) => !answered.has(name));
    const { questions: _, ...rest } = { ...job, ...news };
    if (left.length === 0) return rest;
    // The same object, where it may be: large questions are known by it.
    const isSame = left.length === Object.keys(questions ?? {}).length;
    return {
      ...rest,
      questions: isSame ? questions : Object.fromEntries(left),
    };
  }

  function renew(): Promise<unknown> {
    return renewing ??= write(async (current, until) => {
      const begun = momentOf(timing);
      const next = extend(updated(current.job), timing.now(), leaseMs);
      const written = await store.replace(current, next, until);
      if (written) [stored, good] = [written, begun];
      return written;
    }).catch(() => heldFor() > GIVEN_UP * leaseMs && lose())
      .finally(() => renewing = undefined);
  }

  function beat(): void {
    if (ended) return;
    heartbeat = timing.after(leaseMs / 3, beat);
    renew();
  }

  return {
    signal: lost.signal,
    lose,

    async hold() {
      while (!ended && heldFor() >= SURE * leaseMs) {
        await renew();
        if (heldFor() >= SURE * leaseMs) await pause(50, undefined, timing);
      }
      return !ended;
    },

    answered,
    settle: (name) => void answered.add(name),

    async keepStep(name, outcome) {
      const kept = await write(async (current, until) =>
        await store.keepStep(current, name, outcome, until) || undefined
      );
      return kept ? "kept" : ended ? "lost" : "there";
    },

    async tell(latest) {
      news = { ...news, ...latest };
      await renewing; // what is under way may not tell it
      await renew();
    },

    async hear() {
      await inLine(async () => void (!ended && await adopt()));
    },

    report(progress) {
      news = { ...news, progress };
      if (ended || reporting !== undefined) return;
      const gapMs = good.monotonic + PROGRESS_GAP_MS - timing.monotonic();
      reporting = timing.after(Math.max(0, gapMs), () => {
        reporting = undefined;
        renew();
      });
    },

    end: (make) =>
      write(async ({ job, version }, until) => {
        // What was told last goes with it.
        const current = { job: updated(job), version };
        const written = await make(current, until);
        if (written) stop();
        return written;
      }),
  };
}

/** Makes what runs one thing after another. */
function createLine(): <T>(run: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (run) => {
    const done = last.then(run);
    last = done.catch(() => {});
    return done;
  };
}
