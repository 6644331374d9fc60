/**
 * Replaces and removes a job's record in KV, with the indexes that follow it.
 *
 * @module
 */

import type { StoredValue } from "../kv/chunks.ts";
import { commit } from "../kv/commit.ts";
import { toBytes } from "../kv/kv.ts";
import { isFinal, type Job } from "./job.ts";
import { dueOf, type JobKv } from "./kv_keys.ts";
import { writeJob } from "./kv_record.ts";
import { keep, removeBelongings } from "./kv_steps.ts";
import type { StoredJob } from "./store.ts";

const NOTHING = toBytes(null);

/** Replaces a job, and keeps steps with it; `undefined` if it changed since it was read. */
export function replaceJob(
  jobKv: JobKv,
  { job, version }: StoredJob,
  next: Job,
  steps: readonly [name: string, value: StoredValue][] = [],
): Promise<StoredJob | undefined> {
  const { keys } = jobKv;
  return writeJob(jobKv, next, (atomic) => {
    atomic.check({ key: keys.job(job.id), versionstamp: version })
      .set(keys.due(dueOf(next)), NOTHING);
    for (const [name, value] of steps) {
      atomic.set(keys.step(job.id, name), toBytes(value));
    }
    if (next.dueAt !== job.dueAt) atomic.delete(keys.due(dueOf(job)));
    if (isFinal(next)) atomic.delete(keys.active(job));
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

/** Replaces a job that was answered, keeping the answers as steps. */
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

/** Removes a final job with all that belongs to it; `false` if it changed. */
export async function removeJob(
  jobKv: JobKv,
  { job, version }: StoredJob,
): Promise<boolean> {
  const { kv, keys, timing } = jobKv;
  await removeBelongings(jobKv, job.id);
  const gone = await commit(
    () =>
      kv.atomic()
        .check({ key: keys.job(job.id), versionstamp: version })
        .delete(keys.job(job.id))
        .delete(keys.due(dueOf(job)))
        .delete(keys.active(job))
        .delete(keys.owner(job)),
    async () =>
      (await kv.get(keys.job(job.id))).versionstamp === null ? "" : undefined,
    false,
    timing,
  );
  return gone !== undefined;
}
