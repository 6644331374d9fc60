/**
 * Lists a client's jobs from KV, newest first.
 *
 * @module
 */

import { persist } from "../kv/commit.ts";
import type { Job } from "./job.ts";
import type { JobKv } from "./kv_keys.ts";
import { readRecord } from "./kv_record.ts";
import type { Listing, Page } from "./store.ts";

/** Keys that `getMany` takes. */
const KEYS_A_READ = 10;
/** Entries looked at for one page: a filter that fits few jobs costs no more. */
const MOST_LOOKED_AT = 200;

/** Lists a page of a client's jobs. */
export async function listJobs(
  { kv, keys: jobKeys, timing }: JobKv,
  clientId: string,
  { status, limit, cursor }: Page,
): Promise<Listing> {
  const owned = jobKeys.allOwned(clientId);
  const jobs: Job[] = [];
  let before = cursor === undefined ? undefined : parse(cursor);
  for (let looked = 0; looked < MOST_LOOKED_AT; looked += KEYS_A_READ) {
    const keys = await persist(() => page(before), timing);
    const entries = keys.length === 0 ? [] : await persist(
      () => kv.getMany(keys.map(([, id]) => jobKeys.job(id))),
      timing,
    );
    for (const [i, entry] of entries.entries()) {
      before = keys[i];
      const job = readRecord(entry)?.job;
      if (!job || (status && job.status !== status)) continue;
      jobs.push(job);
      if (jobs.length === limit) return { jobs, cursor: before.join(":") };
    }
    if (keys.length < KEYS_A_READ) return { jobs, cursor: undefined };
  }
  return { jobs, cursor: before?.join(":") };

  async function page(
    before: [number, string] | undefined,
  ): Promise<[number, string][]> {
    const selector = before === undefined
      ? { prefix: owned }
      : { prefix: owned, end: [...owned, ...before] };
    const options = { limit: KEYS_A_READ, reverse: true };
    const keys: [number, string][] = [];
    for await (const { key } of kv.list(selector, options)) {
      keys.push([key.at(-2) as number, key.at(-1) as string]);
    }
    return keys;
  }
}

/** Anything is a place in the list; one that no page ended at begins somewhere. */
function parse(cursor: string): [number, string] {
  const [createdAt, id = ""] = cursor.split(":");
  return [Number(createdAt) || 0, id];
}
