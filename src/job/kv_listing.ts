/**
 * Lists a client's jobs from KV, newest first.
 *
 * @module
 */

import { persist } from "../kv/commit.ts";
import { fromBytes, type KvKey } from "../kv/kv.ts";
import type { Job } from "./job.ts";
import { readJobs } from "./kv_due.ts";
import type { JobKv } from "./kv_keys.ts";
import type { Listing, Page } from "./store.ts";

/** Where a job stands in a list: when it was created, and its id. */
type Place = readonly [createdAt: number, id: string];

/** Lists a page of a client's jobs: what it costs grows with the page only. */
export async function listJobs(
  jobKv: JobKv,
  clientId: string,
  { status, limit, cursor }: Page,
): Promise<Listing> {
  const { keys } = jobKv;
  const jobs: Job[] = [];
  let before = cursor === undefined ? undefined : parse(cursor);
  // Once more where entries answer to no job of the kind any more.
  for (let looks = 0; looks < 3; looks++) {
    const wanted = limit - jobs.length;
    const places = status === "working"
      ? await listActive(jobKv, clientId, before, wanted)
      : await listIndex(
        jobKv,
        status ? keys.allEnded(clientId, status) : keys.allOwned(clientId),
        before,
        wanted,
      );
    for (const stored of await readJobs(jobKv, places.map(([, id]) => id))) {
      // What is unreadable is in the log of whoever runs what is due.
      if (!stored || "error" in stored) continue;
      if (!status || stored.job.status === status) jobs.push(stored.job);
    }
    if (places.length < wanted) return { jobs, cursor: undefined };
    before = places.at(-1);
    if (jobs.length === limit) break;
  }
  return { jobs, cursor: before?.join(":") };
}

function listIndex(
  { kv, timing }: JobKv,
  prefix: KvKey,
  before: Place | undefined,
  limit: number,
): Promise<Place[]> {
  const selector = before
    ? { prefix, end: [...prefix, ...before] }
    : { prefix };
  return persist(async () => {
    const places: Place[] = [];
    for await (const { key } of kv.list(selector, { limit, reverse: true })) {
      places.push([key.at(-2) as number, key.at(-1) as string]);
    }
    return places;
  }, timing);
}

/** A client has few unfinished jobs: all are put in order. */
async function listActive(
  jobKv: JobKv,
  clientId: string,
  before: Place | undefined,
  limit: number,
): Promise<Place[]> {
  const { kv, keys, timing } = jobKv;
  const places = await persist(async () => {
    const found: Place[] = [];
    const prefix = keys.allActive(clientId);
    for await (const { key, value } of kv.list({ prefix })) {
      const about = fromBytes(value) as
        | { id: string; createdAt: number }
        | null;
      const id = about?.id ?? key.at(-1) as string;
      found.push([about?.createdAt ?? await createdAt(jobKv, id), id]);
    }
    return found;
  }, timing);
  return places.filter((place) => !before || compare(place, before) < 0)
    .sort((a, b) => compare(b, a))
    .slice(0, limit);
}

/** Version 0.1 did not say it beside the id. */
async function createdAt(jobKv: JobKv, id: string): Promise<number> {
  const [stored] = await readJobs(jobKv, [id]);
  return stored && "job" in stored ? stored.job.createdAt : 0;
}

function compare([a, x]: Place, [b, y]: Place): number {
  return a - b || (x < y ? -1 : x > y ? 1 : 0);
}

/** Anything is a place in the list; one that no page ended at begins somewhere. */
function parse(cursor: string): Place {
  const [createdAt, id = ""] = cursor.split(":");
  return [Number(createdAt) || 0, id];
}
