/**
 * What KV has to be run, in order of time.
 *
 * @module
 */

import { commit, persist } from "../kv/commit.ts";
import { toBytes } from "../kv/kv.ts";
import { type JobKv, readDue } from "./kv_keys.ts";
import { readRecord } from "./kv_record.ts";
import { removeBelongings } from "./kv_steps.ts";
import type { Due, StoredJob, Unreadable } from "./store.ts";

/** Keys that `getMany` takes. */
const KEYS_A_READ = 10;

/** Lists entries of the due index, longest overdue first. */
export function listDue(
  { kv, keys, timing }: JobKv,
  until: number,
  limit: number,
  after?: Due,
): Promise<Due[]> {
  return persist(async () => {
    const due: Due[] = [];
    // A key that is the one before with a part more comes right after it.
    const start = after ? [...keys.due(after), 0] : keys.allDue;
    const selector = { start, end: [...keys.allDue, until + 1] };
    for await (const { key, value } of kv.list(selector, { limit })) {
      due.push(readDue(key, value));
    }
    return due;
  }, timing);
}

/** Reads jobs; what is there and is no job comes back as what is wrong with it. */
export async function readJobs(
  jobKv: JobKv,
  ids: readonly string[],
): Promise<(StoredJob | Unreadable | undefined)[]> {
  const { kv, keys, timing } = jobKv;
  const found: (StoredJob | Unreadable | undefined)[] = [];
  for (let from = 0; from < ids.length; from += KEYS_A_READ) {
    const some = ids.slice(from, from + KEYS_A_READ).map(keys.job);
    for (const entry of await persist(() => kv.getMany(some), timing)) {
      try {
        found.push(await readRecord(jobKv, entry));
      } catch (error) {
        found.push({ error });
      }
    }
  }
  return found;
}

/** Drops an entry; with one of a job that is gone, what was left of the job. */
export async function forgetDue(jobKv: JobKv, entry: Due): Promise<void> {
  const { kv, keys, timing } = jobKv;
  const [stored] = await readJobs(jobKv, [entry.id]);
  if (stored === undefined) await removeBelongings(jobKv, entry.id);
  // Who has just made it true again has written the job with it.
  else if ("job" in stored && stored.job.dueAt === entry.at) return;
  await persist(() => kv.atomic().delete(keys.due(entry)).commit(), timing);
}

/** Moves an entry to a later time. */
export async function setAsideDue(
  { kv, keys, timing }: JobKv,
  { at, id, ...about }: Due,
  until: number,
): Promise<void> {
  const key = keys.due({ at, id });
  const { versionstamp } = await persist(() => kv.get(key), timing);
  if (versionstamp === null) return;
  await commit(
    () =>
      kv.atomic().check({ key, versionstamp }).delete(key)
        .set(keys.due({ at: until, id }), toBytes(about)),
    () => Promise.resolve(undefined),
    false,
    timing,
  );
}
