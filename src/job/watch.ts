/**
 * Watches a job: the one loop that polls, waiting starts, MCP calls and their
 * streams read from.
 *
 * @module
 */

import type { Background } from "./background.ts";
import type { Timing } from "../timing.ts";
import { isFinal, type Job } from "./job.ts";
import { type JobOutcome, readOutcome } from "./outcome.ts";
import type { JobStore, StoredJob } from "./store.ts";
import type { Worker } from "./worker.ts";

/** Who watches a job, and for how long. */
export interface WatchOptions {
  /** Ends the watch when it is aborted. */
  readonly signal: AbortSignal;
  /** Milliseconds after which the watch ends. Without, it lasts until the job's end. */
  readonly waitMs?: number;
  /** Where the job is run if it is found overdue. */
  readonly background: Background;
}

/** What a watch reads from. */
export interface WatchServices {
  readonly store: JobStore;
  readonly worker: Worker;
  readonly timing: Timing;
}

/** Longest and shortest that a watch waits before it looks again. */
const LONGEST_WAIT_MS = 20_000;
const SHORTEST_WAIT_MS = 200;

/**
 * Yields a job as it stands and at every change that its owner can see, until
 * it ends or is removed, or the watch is over.
 */
export async function* watchJob(
  from: StoredJob,
  { signal, waitMs = Infinity, background }: WatchOptions,
  services: WatchServices,
): AsyncGenerator<JobOutcome, void> {
  const { monotonic } = services.timing;
  const until = monotonic() + waitMs;
  let stored: StoredJob | undefined = from;
  let seen: string | undefined;
  while (stored) {
    takeUpIfOverdue(stored, background, services);
    const state = visibleState(stored.job);
    if (state !== seen) yield await readOutcome(stored, services.store);
    seen = state;
    const leftMs = until - monotonic();
    if (isFinal(stored.job) || leftMs <= 0 || signal.aborted) return;
    const isDue = stored.job.dueAt <= services.timing.now();
    const release = isDue ? services.worker.want(stored) : undefined;
    try {
      stored = await nextChange(stored, leftMs, signal, services);
    } finally {
      release?.();
    }
  }
}

/** Runs a job that is overdue: whoever looks at it may. */
export function takeUpIfOverdue(
  stored: StoredJob,
  background: Background,
  { worker, timing }: Pick<WatchServices, "worker" | "timing">,
): void {
  if (isFinal(stored.job) || stored.job.dueAt > timing.now()) return;
  background.run(worker.takeUp(stored, background));
}

/** Waits for a change, or until the job is due; `undefined` once nobody waits. */
async function nextChange(
  stored: StoredJob,
  leftMs: number,
  signal: AbortSignal,
  { store, timing }: WatchServices,
): Promise<StoredJob | undefined> {
  const dueInMs = Math.max(SHORTEST_WAIT_MS, stored.job.dueAt - timing.now());
  const waitMs = Math.min(LONGEST_WAIT_MS, dueInMs, leftMs);
  try {
    return await store.changed(stored, waitMs, signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** What an owner can see of a job while it runs. */
function visibleState({ status, progress, questions }: Job): string {
  return JSON.stringify([status, progress, questions]);
}
