/**
 * Runs jobs: claims one, makes an attempt, records how it ended.
 *
 * @module
 */

import type { KvLike } from "../kv/kv.ts";
import { runAttempt } from "./attempt.ts";
import { createDriver, type Driver } from "./driver.ts";
import { type EndingOptions, recordEnding } from "./ending.ts";
import { cancelJob } from "./cancel.ts";
import { claim, isFinal } from "./job.ts";
import { holdLease, type Lease, type Moment, momentOf } from "./lease.ts";
import { logFields } from "./log_fields.ts";
import {
  applicantOf,
  type Begun,
  type Look,
  lookForWork,
  type LookServices,
} from "./look.ts";
import { createSightings } from "./sightings.ts";
import { type Applicant, createSlots, type Slots } from "./slots.ts";
import type { StoredJob } from "./store.ts";
import {
  createSweeper,
  type Ground,
  type Sweeper,
  SWEPT_AT_ONCE,
  workOn,
  type WorkReport,
  type WorkRound,
} from "./work.ts";

/** How jobs are run; every time is in milliseconds. */
export interface WorkerOptions extends EndingOptions {
  /** The tools' own KV. */
  readonly kv: KvLike;
  /** How long a worker may be silent before another takes its job over. */
  readonly leaseMs: number;
  /** Most jobs that this instance runs at once. */
  readonly concurrency: number;
  /** Most jobs of one client that this instance runs at once. Without, as many. */
  readonly maxRunning?: number;
  /** Most characters of JSON that the steps of a job may keep together. */
  readonly maxJobBytes?: number;
}

/** Runs this instance's share of the jobs. */
export interface Worker {
  /** Takes a slot, while there is room for such a job here: its token is a lease. */
  takeSlot(applicant: Applicant): string | undefined;
  /** Gives back the slot of a lease that came to nothing. */
  freeSlot(token: string | undefined): void;
  /** Says that there is a job to run for which there was no slot. */
  nudge(): void;
  /**
   * Runs a job whose lease was just taken, until it ends or gives way.
   *
   * @param begun When the write began that took the lease.
   * @returns The job as it then stands; `undefined` if the lease was lost.
   */
  run(
    claimed: StoredJob,
    begun: Moment,
    ground: Ground,
  ): Promise<StoredJob | undefined>;
  /** Claims a due job and runs it; `false` if there is no room, or somebody else did. */
  takeUp(stored: StoredJob, ground: Ground): Promise<boolean>;
  /**
   * Says that somebody waits for a due job: it is the first of its client's.
   *
   * @returns Says that nobody waits any more.
   */
  want(stored: StoredJob): () => void;
  /** Works on what is due, until the round is over. */
  work(round: WorkRound): Promise<WorkReport>;
  /** From now on looks for work by itself. */
  drive(ground: Ground): void;
  /** Ends a job for its owner. */
  cancel(stored: StoredJob): Promise<StoredJob | undefined>;
  /**
   * Claims nothing more, lets the steps that run end, and gives the leases back.
   *
   * @param graceMs How long a step may still take.
   */
  stop(graceMs?: number): Promise<void>;
}

/** The jobs that run here, by id. */
type Running = Map<string, { lease: Lease; done: Promise<unknown> }>;

/** What a worker is made of. */
interface Parts extends WorkerOptions {
  readonly running: Running;
  readonly slots: Slots;
  readonly wanted: Map<string, StoredJob>;
  /** Aborted when no step may begin any more, and when none may go on. */
  readonly leaving: AbortController;
  readonly stopping: AbortController;
  /** Tells whoever drives that room got free, or that a job is due at a time. */
  wake(dueAt?: number): void;
}

/** Leases for which a suspect runs alone, unless it keeps a step before. */
const ALONE_LEASES = 2;

/** Makes a worker. */
export function createWorker(options: WorkerOptions): Worker {
  const { tools, store, log, leaseMs, concurrency, timing } = options;
  let driver: Driver | undefined;
  const parts: Parts = {
    ...options,
    running: new Map(),
    wanted: new Map(),
    leaving: new AbortController(),
    stopping: new AbortController(),
    slots: createSlots({
      concurrency,
      maxRunning: options.maxRunning ?? concurrency,
      concurrencyOf: (tool) => tools[tool]?.job?.concurrency ?? Infinity,
      aloneMs: ALONE_LEASES * leaseMs,
      timing,
    }),
    wake: (dueAt) => driver?.wake((dueAt ?? 0) - timing.now()),
  };
  const { running, slots, wanted, leaving } = parts;
  const sightings = createSightings(leaseMs, timing);
  const sweeper = createSweeper(options);

  const servicesOf = (ground: Ground): LookServices => ({
    ...{ store, tools, slots, sightings, wanted, log, timing },
    runsHere: (id) => running.has(id),
    begin: (stored, token) => beginJob(stored, token, ground, parts),
  });
  const look = (ground: Ground, limit: number) =>
    lookForWork(leaving.signal.aborted ? 0 : limit, servicesOf(ground));

  return {
    takeSlot(applicant) {
      return leaving.signal.aborted ? undefined : slots.take(applicant);
    },
    nudge: () => parts.wake(),
    freeSlot(token) {
      slots.giveBack(token);
      parts.wake();
    },
    run: (claimed, begun, ground) => runJob(claimed, begun, ground, parts),

    async takeUp(stored, ground) {
      const { job } = stored;
      if (
        leaving.signal.aborted || running.has(job.id) || !tools[job.tool]?.job
      ) return false;
      if (!sightings.mayTake(stored)) return false;
      const token = slots.take(applicantOf(job));
      if (token === undefined) return false;
      const begun = await beginJob(stored, token, ground, parts);
      await begun?.run;
      return begun !== undefined;
    },

    want(stored) {
      wanted.set(stored.job.id, stored);
      return () => void wanted.delete(stored.job.id);
    },

    work: (round) =>
      workOn(round, {
        timing,
        sweeper,
        look: (limit) => look(round, limit),
      }),

    drive(ground) {
      if (driver || leaving.signal.aborted) return;
      driver = driveOn(() => look(ground, Infinity), sweeper, options);
    },

    cancel: (stored) =>
      cancelJob(stored, options, (id) => running.get(id)?.lease.lose()),

    stop: (graceMs = 0) => stopAll(graceMs, driver, parts),
  };
}

/** Looks for work, and removes what is long final, again and again. */
function driveOn(
  look: () => Promise<Look>,
  sweeper: Sweeper,
  { leaseMs, log, timing }: WorkerOptions,
): Driver {
  async function lookOnce(): Promise<number> {
    const { final, nextAt = Infinity, againMs } = await look();
    await sweeper.remove(final);
    const sweepMs = await sweeper.sweep(SWEPT_AT_ONCE);
    return Math.min(nextAt - timing.now(), againMs, sweepMs);
  }
  const driver = createDriver({
    look: lookOnce,
    sweepMs: leaseMs,
    log,
    timing,
  });
  driver.wake(0);
  return driver;
}

async function stopAll(
  graceMs: number,
  driver: Driver | undefined,
  { leaving, stopping, running, timing }: Parts,
): Promise<void> {
  const reason = new Error("The server is stopping");
  leaving.abort(reason);
  await driver?.stop();
  const callOff = timing.after(graceMs, () => stopping.abort(reason));
  await Promise.all(Array.from(running.values(), ({ done }) => done));
  callOff();
}

/** Claims a job in a slot, and runs it in the background; `undefined` if somebody else did. */
async function beginJob(
  stored: StoredJob,
  token: string,
  ground: Ground,
  parts: Parts,
): Promise<Begun | undefined> {
  const { store, slots, timing, leaseMs } = parts;
  const begun = momentOf(timing);
  let claimed: StoredJob | undefined;
  try {
    const next = claim(stored.job, begun.wall, token, leaseMs);
    claimed = await store.replace(stored, next);
  } finally {
    if (claimed === undefined) {
      slots.giveBack(token);
      parts.wake();
    }
  }
  return claimed && { run: runJob(claimed, begun, ground, parts) };
}

async function runJob(
  claimed: StoredJob,
  begun: Moment,
  { env, sliceMs = Infinity, mayStop = false }: Ground,
  parts: Parts,
): Promise<StoredJob | undefined> {
  const { running, slots, timing } = parts;
  const { id, lease: token } = claimed.job;
  // Where nobody stops it, it gives its slot back by itself.
  if (token) slots.extend(token, mayStop ? sliceMs : Infinity);
  const lease = holdLease(claimed, begun, parts);
  const slice = { env, sliceEnd: timing.now() + sliceMs };
  const done = attemptAndRecord(claimed, lease, slice, parts);
  running.set(id, { lease, done });
  try {
    const ended = await done;
    if (ended && !isFinal(ended.job)) parts.wake(ended.job.dueAt);
    return ended;
  } finally {
    running.delete(id);
    slots.giveBack(token);
    parts.wake();
  }
}

/** Makes an attempt and records its ending; a store that fails is logged. */
async function attemptAndRecord(
  { job }: StoredJob,
  lease: Lease,
  slice: { env: unknown; sliceEnd: number },
  parts: Parts,
): Promise<StoredJob | undefined> {
  const { tools, store, kv, log, timing, slots } = parts;
  const { maxJobBytes = Infinity } = parts;
  try {
    const ending = await runAttempt({
      ...slice,
      ...{ job, lease, store, kv, maxJobBytes, log, timing },
      tool: tools[job.tool],
      stopping: parts.stopping.signal,
      leaving: parts.leaving.signal,
      advanced: () => slots.clear(job.lease ?? "") && parts.wake(),
    });
    return await recordEnding(ending, lease, parts);
  } catch (error) {
    // The lease runs out, and the job is taken up again.
    lease.lose();
    const fields = { ...logFields(job), error };
    log("error", "A job is left to its next attempt", fields);
    return undefined;
  }
}
