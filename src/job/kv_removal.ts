/**
 * Removes from KV what is long final, many jobs in one commit.
 *
 * @module
 */

import { commit, persist } from "../kv/commit.ts";
import type { KvKey } from "../kv/kv.ts";
import { readJobs } from "./kv_due.ts";
import { isFinal } from "./job.ts";
import { type JobKv, timeOf } from "./kv_keys.ts";
import { listBelongings, removeBelongings } from "./kv_steps.ts";
import type { Removal, StoredJob } from "./store.ts";

/** Most checks in a commit that every Deno KV takes: one a job. */
const JOBS_A_COMMIT = 10;
/** Keys of one job that go with others; a commit takes 1,000 mutations. */
const KEYS_A_JOB = 80;

/** Removes jobs whose time is over, oldest first, up to `limit`. */
export async function removeGone(
  jobKv: JobKv,
  now: number,
  limit: number,
): Promise<Removal> {
  const { kv, keys, timing } = jobKv;
  const entries = await persist(async () => {
    const listed: { at: number; id: string }[] = [];
    const options = { limit: limit + 1 };
    for await (const { key } of kv.list({ prefix: keys.allGone }, options)) {
      listed.push({ at: key.at(-2) as number, id: key.at(-1) as string });
    }
    return listed;
  }, timing);
  const gone = entries.filter(({ at }) => at <= now).slice(0, limit);
  let removed = 0;
  for (let from = 0; from < gone.length; from += JOBS_A_COMMIT) {
    const some = gone.slice(from, from + JOBS_A_COMMIT);
    const found = await readJobs(jobKv, some.map(({ id }) => id));
    const final: StoredJob[] = [];
    for (const [i, { at, id }] of some.entries()) {
      const stored = found[i];
      if (stored && "error" in stored) continue;
      if (stored && isFinal(stored.job) && stored.job.dueAt === at) {
        final.push(stored);
      } else {
        // Chunks were announced here: they got their job, or never will.
        if (stored === undefined) await removeBelongings(jobKv, id);
        const drop = () => kv.atomic().delete(keys.gone({ at, id })).commit();
        await persist(drop, timing);
      }
    }
    removed += await removeJobs(jobKv, final);
  }
  return { removed, nextAt: entries[gone.length]?.at };
}

/** Removes final jobs with all that belongs to them; how many it removed. */
export async function removeJobs(
  jobKv: JobKv,
  jobs: readonly StoredJob[],
): Promise<number> {
  if (jobs.length === 0) return 0;
  const keys = await Promise.all(jobs.map((stored) => keysOf(jobKv, stored)));
  if (await removeTogether(jobKv, jobs, keys.flat())) return jobs.length;
  if (jobs.length === 1) return 0;
  // Somebody else removes one of them, too.
  const each = jobs.map((stored) => removeJobs(jobKv, [stored]));
  return (await Promise.all(each)).reduce((sum, count) => sum + count, 0);
}

async function removeTogether(
  { kv, keys, timing }: JobKv,
  jobs: readonly StoredJob[],
  gone: readonly KvKey[],
): Promise<boolean> {
  const first = keys.job(jobs[0].job.id);
  const landed = await commit(
    () => {
      const atomic = kv.atomic();
      for (const { job, version } of jobs) {
        atomic.check({ key: keys.job(job.id), versionstamp: version });
      }
      for (const key of gone) atomic.delete(key);
      return atomic;
    },
    async () =>
      (await kv.get(first)).versionstamp === null ? "landed" : undefined,
    false,
    timing,
  );
  return landed !== undefined;
}

async function keysOf(jobKv: JobKv, { job }: StoredJob): Promise<KvKey[]> {
  const { keys } = jobKv;
  const belongings = await listBelongings(jobKv, job.id, KEYS_A_JOB);
  // Nobody reads the steps of a final job: those go before it.
  if (belongings.length >= KEYS_A_JOB) await removeBelongings(jobKv, job.id);
  return [
    ...belongings,
    keys.job(job.id),
    keys.due(timeOf(job)),
    keys.gone(timeOf(job)),
    // A place may be another job's by now; in version 0.1 it was the job's id.
    ...job.place === undefined ? [keys.active(job)] : [],
    keys.owner(job),
    keys.ended(job),
  ];
}
