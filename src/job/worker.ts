/**
 * Runs jobs: claims one, makes an attempt, records how it ended.
 *
 * @module
 */

import type { KvLike } from "../kv/kv.ts";
import { runAttempt } from "./attempt.ts";
import { type EndingOptions, recordEnding } from "./ending.ts";
import { cancel, claim, isFinal } from "./job.ts";
import { holdLease, type Lease, type Moment, momentOf } from "./lease.ts";
import { logFields } from "./log_fields.ts";
import { createSightings } from "./sightings.ts";
import { createSlots } from "./slots.ts";
import type { Due, StoredJob } from "./store.ts";

/** How jobs are run; every time is in milliseconds. */
export interface WorkerOptions extends EndingOptions {
  /** The tools' own KV. */
  readonly kv: KvLike;
  /** How long a worker may be silent before another takes its job over. */
  readonly leaseMs: number;
  /** Most jobs that this instance runs at once. */
  readonly concurrency: number;
}

/** One round of work; times are in milliseconds. */
export interface WorkRound {
  /** The platform's environment. */
  readonly env: unknown;
  /** Most jobs to work on. */
  readonly limit: number;
  /** How long jobs are begun. Without, until none is due. */
  readonly budgetMs?: number | undefined;
  /** How long one job may take before it gives way. Without, as long as it likes. */
  readonly sliceMs?: number | undefined;
}

/** What one call of `work` did. */
export interface WorkReport {
  /** Jobs that it ran, to an end or until they gave way. */
  ran: number;
  /** Finished jobs that it removed. */
  removed: number;
}

/** Runs this instance's share of the jobs. */
export interface Worker {
  /** Takes a slot, while there is room for one more job here: its token is a lease. */
  takeSlot(): string | undefined;
  /** Frees the slot of a lease that came to nothing. */
  freeSlot(token: string | undefined): void;
  /**
   * Runs a job whose lease was just taken, until it ends or gives way.
   *
   * @param begun When the write began that took the lease.
   * @returns The job as it then stands; `undefined` if the lease was lost.
   */
  run(
    claimed: StoredJob,
    begun: Moment,
    env: unknown,
    sliceMs?: number,
  ): Promise<StoredJob | undefined>;
  /** Claims a due job and runs it; `false` if somebody else did. */
  takeUp(stored: StoredJob, env: unknown, sliceMs?: number): Promise<boolean>;
  /** Works on everything that is due, up to `limit` jobs. */
  work(round: WorkRound): Promise<WorkReport>;
  /** Ends a job for its owner. */
  cancel(stored: StoredJob): Promise<StoredJob | undefined>;
  /** Stops claiming, stops what runs, and gives the leases back. */
  stop(): Promise<void>;
}

/** Makes a worker. */
export function createWorker(options: WorkerOptions): Worker {
  const { store, leaseMs, concurrency, timing } = options;
  const { now } = timing;
  const running: Running = new Map();
  const slots = createSlots(concurrency, timing);
  const sightings = createSightings(leaseMs, timing);
  const stopping = new AbortController();

  function takeSlot(): string | undefined {
    return stopping.signal.aborted ? undefined : slots.take();
  }

  async function run(
    claimed: StoredJob,
    begun: Moment,
    env: unknown,
    sliceMs = Infinity,
  ) {
    const { id, lease: token } = claimed.job;
    if (token) slots.extend(token, sliceMs);
    const lease = holdLease(claimed, begun, options);
    const slice = { env, sliceEnd: now() + sliceMs, stopping: stopping.signal };
    const done = attemptAndRecord(claimed, lease, slice, options)
      .finally(() => {
        running.delete(id);
        slots.free(token);
      });
    running.set(id, { lease, done });
    return await done;
  }

  async function takeUp(stored: StoredJob, env: unknown, sliceMs?: number) {
    if (running.has(stored.job.id) || !sightings.mayTake(stored)) return false;
    const token = takeSlot();
    if (token === undefined) return false;
    const begun = momentOf(timing);
    let claimed: StoredJob | undefined;
    try {
      const next = claim(stored.job, now(), token, leaseMs);
      claimed = await store.replace(stored, next);
    } finally {
      if (claimed === undefined) slots.free(token);
    }
    if (claimed === undefined) return false;
    await run(claimed, begun, env, sliceMs);
    return true;
  }

  async function work({ env, limit, budgetMs = Infinity, sliceMs }: WorkRound) {
    const report: WorkReport = { ran: 0, removed: 0 };
    const until = timing.monotonic() + budgetMs;
    const entries = await store.due(now(), limit);

    async function workOn(entry: Due): Promise<void> {
      const stored = await store.read(entry.id);
      if (stored?.job.dueAt !== entry.at) await store.forget(entry);
      else if (!isFinal(stored.job)) {
        if (await takeUp(stored, env, sliceMs)) report.ran++;
      } else if (await store.remove(stored)) report.removed++;
    }
    const runner = async () => {
      for (let entry = entries.shift(); entry; entry = entries.shift()) {
        if (stopping.signal.aborted || timing.monotonic() > until) return;
        await workOn(entry);
      }
    };
    const runners = Math.min(concurrency, entries.length);
    await Promise.all(Array.from({ length: runners }, runner));
    return report;
  }

  return {
    takeSlot,
    freeSlot: slots.free,
    run,
    takeUp,
    work,
    cancel: (stored) => cancelJob(stored, running, options),

    async stop() {
      stopping.abort(new Error("The server is stopping"));
      await Promise.all(Array.from(running.values(), ({ done }) => done));
    },
  };
}

/** The jobs that run here, by id. */
type Running = Map<string, { lease: Lease; done: Promise<unknown> }>;

async function cancelJob(
  stored: StoredJob,
  running: Running,
  { store, retentionMs, timing }: WorkerOptions,
): Promise<StoredJob | undefined> {
  let current: StoredJob | undefined = stored;
  while (current) {
    if (isFinal(current.job)) return current;
    const next = cancel(current.job, timing.now(), retentionMs);
    const cancelled = await store.replace(current, next);
    if (cancelled) {
      running.get(next.id)?.lease.lose();
      return cancelled;
    }
    current = await store.read(next.id);
  }
}

/** Makes an attempt and records its ending; a store that fails is logged. */
async function attemptAndRecord(
  { job }: StoredJob,
  lease: Lease,
  slice: { env: unknown; sliceEnd: number; stopping: AbortSignal },
  options: WorkerOptions,
): Promise<StoredJob | undefined> {
  const { tools, store, kv, log, timing } = options;
  const tool = tools[job.tool];
  try {
    const attempt = { ...slice, job, lease, tool, store, kv, log, timing };
    return await recordEnding(await runAttempt(attempt), lease, options);
  } catch (error) {
    // The lease runs out, and the job is taken up again.
    lease.lose();
    const fields = { ...logFields(job), error };
    log("error", "A job is left to its next attempt", fields);
    return undefined;
  }
}
