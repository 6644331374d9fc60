/**
 * Runs jobs: claim, run, settle.
 *
 * @module
 */

import { CountersignError, TerminalError, ToolError } from "../errors.ts";
import type { KvLike } from "../kv/kv.ts";
import type { Log } from "../log.ts";
import type { Tools } from "../tool/tool.ts";
import {
  type Ending,
  logFields,
  LONGEST_MESSAGE,
  runAttempt,
} from "./attempt.ts";
import {
  backoff,
  cancel,
  claim,
  complete,
  fail,
  isFinal,
  type Job,
  type JobError,
  postpone,
  suspend,
} from "./job.ts";
import { holdLease, type Lease } from "./lease.ts";
import type { Due, JobStore, StoredJob } from "./store.ts";

/** How jobs are run; every time is in milliseconds. */
export interface WorkerOptions {
  /** The tools that jobs name. */
  tools: Tools;
  /** Where the jobs are. */
  store: JobStore;
  /** The tools' own KV. */
  kv: KvLike;
  /** How long a worker may be silent before another takes its job over. */
  leaseMs: number;
  /** How long a final job stays readable. */
  retentionMs: number;
  /** Most jobs that this instance runs at once. */
  concurrency: number;
  /** The server's log. */
  log: Log;
  /** Current time, in Unix milliseconds. */
  now: () => number;
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
  /** A lease token, while there is room for one more job here. */
  lease(): string | undefined;
  /** Makes room again for a lease that came to nothing. */
  release(token: string | undefined): void;
  /**
   * Runs a job whose lease was just taken, until it ends or gives way; as it
   * then stands, or `undefined` if the lease was lost.
   */
  run(
    claimed: StoredJob,
    env: unknown,
    sliceMs?: number,
  ): Promise<StoredJob | undefined>;
  /** Claims a due job and runs it; `false` if somebody else did. */
  take(held: StoredJob, env: unknown, sliceMs?: number): Promise<boolean>;
  /** Attends to everything that is due, up to `limit` jobs. */
  work(env: unknown, limit: number, sliceMs?: number): Promise<WorkReport>;
  /** Ends a job for its owner. */
  cancel(held: StoredJob): Promise<StoredJob | undefined>;
  /** Stops claiming, stops what runs, and gives the leases back. */
  stop(): Promise<void>;
}

/**
 * How long after its slice a run may still hold its room. Workers stop what
 * takes too long without a word, and what was stopped gives nothing back.
 */
const OVERRUN_MS = 60_000;

/** Makes a worker. */
export function createWorker(options: WorkerOptions): Worker {
  const { tools, store, kv, leaseMs, retentionMs, concurrency, log, now } =
    options;
  const running = new Map<string, { lease: Lease; done: Promise<unknown> }>();
  /** The rooms that are taken, and until when at the most. */
  const leases = new Map<string, number>();
  const stopping = new AbortController();

  function lease(): string | undefined {
    for (const [token, until] of leases) {
      if (until <= now()) leases.delete(token);
    }
    if (leases.size >= concurrency || stopping.signal.aborted) return undefined;
    const token = crypto.randomUUID();
    leases.set(token, now() + OVERRUN_MS);
    return token;
  }

  function release(token: string | undefined): void {
    if (token !== undefined) leases.delete(token);
  }

  async function run(claimed: StoredJob, env: unknown, sliceMs = Infinity) {
    const { job } = claimed;
    if (job.lease) leases.set(job.lease, now() + sliceMs + OVERRUN_MS);
    const lease = holdLease(claimed, store, leaseMs, now);
    const done = runAttempt({
      job,
      lease,
      tool: tools[job.tool],
      store,
      kv,
      env,
      sliceEnd: now() + sliceMs,
      stopping: stopping.signal,
      log,
      now,
    })
      .then((ending) => settle(job, lease, ending))
      .catch((error) => {
        // The lease runs out, and the job is taken up again.
        lease.lose();
        log("error", "A job is left to its next attempt", {
          ...logFields(job),
          error,
        });
        return undefined;
      })
      .finally(() => {
        running.delete(job.id);
        release(job.lease);
      });
    running.set(job.id, { lease, done });
    return await done;
  }

  async function take(held: StoredJob, env: unknown, sliceMs?: number) {
    const token = lease();
    if (token === undefined) return false;
    let claimed: StoredJob | undefined;
    try {
      const next = claim(held.job, now(), token, leaseMs);
      claimed = await store.replace(held, next);
    } finally {
      if (claimed === undefined) release(token);
    }
    if (claimed === undefined) return false;
    await run(claimed, env, sliceMs);
    return true;
  }

  /** Writes down how an attempt ended, unless its lease is lost. */
  async function settle(
    job: Job,
    lease: Lease,
    ending: Ending,
  ): Promise<StoredJob | undefined> {
    switch (ending.kind) {
      case "lost":
        return undefined;
      case "gave way":
        return await lease.end((held) => {
          const time = now();
          const dueAt = Math.max(time, ending.dueAt);
          return store.replace(
            held,
            suspend(held.job, time, dueAt, ending.questions),
          );
        });
      case "returned":
        try {
          return await lease.end((held) =>
            store.complete(
              held,
              (kept) => complete(held.job, now(), retentionMs, kept),
              ending.value,
            )
          );
        } catch (error) {
          if (codeOf(error) !== "result_too_large") throw error;
          return await settle(job, lease, { kind: "threw", error });
        }
      case "threw":
        return await lease.end((held) =>
          store.replace(held, afterFailure(held.job, ending.error))
        );
    }
  }

  function afterFailure(job: Job, error: unknown): Job {
    const { attempts, backoffMs } = tools[job.tool]?.job ?? UNKNOWN;
    const failures = job.failures + 1;
    const last = failures >= attempts || error instanceof TerminalError ||
      codeOf(error) === "result_too_large";
    log(last ? "error" : "warn", "A job's attempt failed", {
      ...logFields(job),
      attempt: failures,
      error,
    });
    return last
      ? fail(job, now(), retentionMs, jobError(error))
      : postpone(job, now(), backoff(failures, backoffMs));
  }

  async function work(env: unknown, limit: number, sliceMs?: number) {
    const report: WorkReport = { ran: 0, removed: 0 };
    const entries = await store.due(now(), limit);

    async function attend(entry: Due): Promise<void> {
      const held = await store.read(entry.id);
      if (held?.job.dueAt !== entry.at) await store.forget(entry);
      else if (!isFinal(held.job)) {
        if (await take(held, env, sliceMs)) report.ran++;
      } else if (await store.remove(held)) report.removed++;
    }
    const lane = async () => {
      for (let entry = entries.shift(); entry; entry = entries.shift()) {
        if (!stopping.signal.aborted) await attend(entry);
      }
    };
    const lanes = Math.min(concurrency, entries.length);
    await Promise.all(Array.from({ length: lanes }, lane));
    return report;
  }

  return {
    lease,
    release,
    run,
    take,
    work,

    async cancel(held) {
      for (
        let current: StoredJob | undefined = held;
        current;
        current = await store.read(current.job.id)
      ) {
        if (isFinal(current.job)) return current;
        const next = cancel(current.job, now(), retentionMs);
        const cancelled = await store.replace(current, next);
        if (cancelled === undefined) continue;
        running.get(next.id)?.lease.lose();
        return cancelled;
      }
    },

    async stop() {
      stopping.abort(new Error("The server is stopping"));
      await Promise.all(Array.from(running.values(), ({ done }) => done));
    },
  };
}

/** For the jobs of a tool that this instance does not have: another may. */
const UNKNOWN = { attempts: 10, backoffMs: 5000 };

function jobError(error: unknown): JobError {
  if (codeOf(error) === "result_too_large") {
    return { code: "result_too_large", message: (error as Error).message };
  }
  if (error instanceof ToolError) {
    const message = error.message.slice(0, LONGEST_MESSAGE);
    return { code: "tool_failed", message };
  }
  return {
    code: "tool_failed",
    message: "The tool failed; its error is in the server's log",
    internal: true,
  };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof CountersignError ? error.code : undefined;
}
