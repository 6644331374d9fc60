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
import { holdJob, type News } from "./held_job.ts";
import { extend, type Progress } from "./job.ts";
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
  const tenure = createTenure(begun, timing);
  let ended = false;
  let renewing: Promise<unknown> | undefined;
  const beats = createBeats(() => renewOnce(), leaseMs / 3, timing);
  const held = holdJob(claimed, store, {
    isOver: () => ended,
    until: () => tenure.since() + GIVEN_UP * leaseMs,
    lose,
  });

  function stop(): void {
    ended = true;
    beats.stop();
  }
  function lose(): void {
    stop();
    lost.abort(new Error(`The lease of job ${claimed.job.id} is lost`));
  }

  async function renew(): Promise<void> {
    try {
      await held.replace((current, until) => {
        const next = extend(current.job, timing.now(), leaseMs);
        return tenure.renew(() => store.replace(current, next, until));
      });
    } catch {
      if (tenure.heldFor() > GIVEN_UP * leaseMs) lose();
    }
    renewing = undefined;
  }
  const renewOnce = () => renewing ??= renew();

  return {
    signal: lost.signal,
    lose,
    answered: held.answered,
    settle: held.settle,
    hear: held.hear,

    async hold() {
      while (!ended && tenure.heldFor() >= SURE * leaseMs) {
        await renewOnce();
        if (tenure.heldFor() < SURE * leaseMs) break; // looked at again
        await pause(50, undefined, timing);
      }
      return !ended;
    },

    async keepStep(name, outcome) {
      const kept = await held.write((current, until) =>
        keepOnce(store, current, name, outcome, until)
      );
      return kept ? "kept" : ended ? "lost" : "there";
    },

    async tell(news) {
      held.note(news);
      await renewing; // that one may not tell it
      await renewOnce();
    },

    report(progress) {
      held.note({ progress });
      if (!ended) beats.soon(tenure.since() + PROGRESS_GAP_MS);
    },

    end: (make) =>
      held.replace(async (current, until) => {
        const written = await make(current, until);
        if (written) stop(); // before anything else in line is written
        return written;
      }),
  };
}

async function keepOnce(
  store: JobStore,
  ...write: Parameters<JobStore["keepStep"]>
): Promise<true | undefined> {
  return await store.keepStep(...write) || undefined;
}

/** Renews a lease at intervals, and sooner where there is something to tell. */
function createBeats(
  renew: () => void,
  everyMs: number,
  { after, monotonic }: Timing,
) {
  let callOffNext = after(everyMs, beat);
  let callOffSoon: (() => void) | undefined;
  let isOver = false;

  function beat(): void {
    if (isOver) return;
    callOffNext = after(everyMs, beat);
    renew();
  }

  return {
    /** Renews at a time of the monotonic clock, if it is not to do so before. */
    soon(at: number): void {
      callOffSoon ??= after(Math.max(0, at - monotonic()), () => {
        callOffSoon = undefined;
        renew();
      });
    },
    stop(): void {
      isOver = true;
      callOffNext();
      callOffSoon?.();
    },
  };
}

/** How long a lease has been held since its last good write began (L2). */
function createTenure(begun: Moment, timing: Timing) {
  let good = begun;
  return {
    since: () => good.monotonic,
    /** By the clock that ran further: one stands still while a laptop sleeps. */
    heldFor(): number {
      const passed = timing.monotonic() - good.monotonic;
      return Math.max(passed, timing.now() - good.wall);
    },
    /** Makes a write that, if it lands, holds the lease from its begin on. */
    async renew<T>(write: () => Promise<T | undefined>) {
      const moment = momentOf(timing);
      const written = await write();
      if (written !== undefined) good = moment;
      return written;
    },
  };
}
