/**
 * The hold that a worker has on a job: every write is fenced by it.
 *
 * A job's version changes with every write, and only the holder of the lease
 * writes to a working job, but for whoever ends it (`cancel_job`) or takes it
 * over. So a write that finds another version has lost the lease, however long
 * the process slept since, and changes nothing.
 *
 * @module
 */

import type { Timing } from "../timing.ts";
import { extend, type Progress } from "./job.ts";
import type { JobStore, StoredJob } from "./store.ts";

/** A job that this instance may write to. */
export interface Lease {
  /** Aborted when the lease is lost, or the job was ended by somebody else. */
  readonly signal: AbortSignal;
  /** Keeps a step's value; `false` if the lease is lost. */
  keepStep(name: string, value: unknown): Promise<boolean>;
  /** Tells how far the job is, in a write that also extends the lease. */
  report(progress: Progress): void;
  /** Gives the lease up in one last write; `undefined` if it was lost. */
  end(
    write: (stored: StoredJob) => Promise<StoredJob | undefined>,
  ): Promise<StoredJob | undefined>;
  /** Loses the lease on purpose: the job was ended by this very instance. */
  lose(): void;
}

/** Least time between two writes of progress. */
const PROGRESS_GAP_MS = 500;

/** Takes charge of a claimed job, and keeps its lease alive until it ends. */
export function holdLease(
  claimed: StoredJob,
  store: JobStore,
  leaseMs: number,
  timing: Timing,
): Lease {
  const { now } = timing;
  const lost = new AbortController();
  let stored = claimed;
  let progress: Progress | undefined;
  let ended = false;
  let lastBeat = now();
  let reporting: (() => void) | undefined;
  let heartbeat = timing.after(leaseMs / 3, beatOn);

  // Writes go one after another: each must find what the last one left.
  let writes: Promise<unknown> = Promise.resolve();
  function serially<T>(write: () => Promise<T>): Promise<T> {
    const done = writes.then(write);
    writes = done.catch(() => {});
    return done;
  }

  function lose(): void {
    stop();
    lost.abort(new Error(`The lease of job ${stored.job.id} is lost`));
  }

  function stop(): void {
    ended = true;
    heartbeat();
    reporting?.();
  }

  function beatOn(): void {
    heartbeat = timing.after(leaseMs / 3, beatOn);
    beat();
  }

  function beat(): void {
    reporting?.();
    reporting = undefined;
    serially(async () => {
      if (ended) return;
      const next = extend(stored.job, now(), leaseMs, progress);
      const written = await store.replace(stored, next);
      if (written === undefined) return lose();
      stored = written;
      lastBeat = now();
    }).catch(() => {
      // A store that is away for a whole lease has given the job to another.
      if (now() - lastBeat > leaseMs) lose();
    });
  }

  return {
    signal: lost.signal,
    lose,

    keepStep: (name, value) =>
      serially(async () => {
        if (ended) return false;
        const kept = await store.keepStep(stored, name, value);
        if (!kept) lose();
        return kept;
      }),

    report(latest) {
      progress = latest;
      if (ended || reporting !== undefined) return;
      const gap = Math.max(0, lastBeat + PROGRESS_GAP_MS - now());
      reporting = timing.after(gap, beat);
    },

    end: (write) =>
      serially(async () => {
        if (ended) return undefined;
        const written = await write(stored);
        stop();
        return written;
      }),
  };
}
