/**
 * Replaces a job's record in KV, with the indexes that follow it.
 *
 * @module
 */

import type { StoredValue } from "../kv/chunks.ts";
import { type KvAtomic, toBytes } from "../kv/kv.ts";
import { isFinal, type Job } from "./job.ts";
import { type JobKeys, type JobKv, timeOf } from "./kv_keys.ts";
import { writeJob } from "./kv_record.ts";
import { keep } from "./kv_steps.ts";
import type { StoredJob } from "./store.ts";

const NOTHING = toBytes(null);

/** Sets what a job is found by as it stands: to be run, or to be removed. */
export function addIndexes(
  atomic: KvAtomic,
  keys: JobKeys,
  job: Job,
): KvAtomic {
  if (isFinal(job)) {
    return atomic.set(keys.gone(timeOf(job)), NOTHING)
      .set(keys.ended(job), NOTHING);
  }
  const { clientId, tool } = job;
  return atomic.set(keys.due(timeOf(job)), toBytes({ clientId, tool }));
}

/** Replaces a job, and keeps steps with it; `undefined` if it changed since it was read. */
export function replaceJob(
  jobKv: JobKv,
  { job, version }: StoredJob,
  next: Job,
  steps: readonly [name: string, value: StoredValue][] = [],
): Promise<StoredJob | undefined> {
  const { keys } = jobKv;
  return writeJob(jobKv, next, (atomic) => {
    atomic.check({ key: keys.job(job.id), versionstamp: version });
    addIndexes(atomic, keys, next);
    for (const [name, value] of steps) {
      // What stands there was told to the tool: it is not replaced.
      atomic.check({ key: keys.step(job.id, name), versionstamp: null }).set(
        keys.step(job.id, name),
        toBytes(value),
      );
    }
    if (isFinal(next)) atomic.delete(keys.active(job));
    if (isFinal(next) || next.dueAt !== job.dueAt) {
      atomic.delete(keys.due(timeOf(job)));
    }
    return atomic;
  });
}

/** Replaces a job with one that keeps `result`. */
export async function completeJob(
  jobKv: JobKv,
  stored: StoredJob,
  next: (result: StoredValue) => Job,
  result: unknown,
): Promise<StoredJob | undefined> {
  const kept = await keep(jobKv, stored.job.id, result);
  return await replaceJob(jobKv, stored, next(kept));
}

/** Replaces a job that was told something, keeping the answers as steps. */
export async function answerJob(
  jobKv: JobKv,
  stored: StoredJob,
  next: Job,
  answers: ReadonlyMap<string, unknown>,
): Promise<StoredJob | undefined> {
  const steps = Array.from(answers, async ([name, value]) => {
    const kept = await keep(jobKv, stored.job.id, value);
    return [name, kept] as [string, StoredValue];
  });
  return await replaceJob(jobKv, stored, next, await Promise.all(steps));
}
