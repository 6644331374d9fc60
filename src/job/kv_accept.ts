/**
 * Takes a job into KV: its nonce, its record, its place among its client's
 * unfinished jobs and its indexes in one commit.
 *
 * @module
 */

import { INLINE_BYTES, type StoredValue, storeValue } from "../kv/chunks.ts";
import { persist } from "../kv/commit.ts";
import { fromBytes, toBytes } from "../kv/kv.ts";
import { addSpending, type Spending, spendingOf } from "../kv/nonces.ts";
import type { Nonce } from "../signing/nonce.ts";
import type { Job } from "./job.ts";
import { type JobKv, timeOf } from "./kv_keys.ts";
import { readRecord, writeJob } from "./kv_record.ts";
import { addIndexes } from "./kv_replace.ts";
import type { Acceptance, NewJob } from "./store.ts";

const NOTHING = toBytes(null);
/** How long chunks may wait for the job that names them. */
const ORPHANED_AFTER_MS = 3_600_000;

/** Adds a job and its arguments, as `JobStore.accept` promises. */
export async function acceptJob(
  jobKv: JobKv,
  accepted: NewJob,
  nonce: Nonce | undefined,
  maxUnfinished: number,
): Promise<Acceptance> {
  const { kv, keys, timing } = jobKv;
  const spending = nonce && spendingOf(keys.prefix, nonce, timing);
  // What is refused writes nothing: chunks stand outside of the commit.
  if (isLarge(accepted.args) || isLarge(accepted.given)) {
    const found = await find(jobKv, accepted.id, spending);
    if (found) return found;
  }
  let values: Pick<Job, "args" | "given"> | undefined;
  for (;;) {
    const taken = await takenPlaces(accepted.clientId);
    const place = freePlace(accepted.clientId, taken, maxUnfinished);
    if (place === undefined) {
      return await find(jobKv, accepted.id, spending) ??
        { kind: "full", unfinished: taken.length };
    }
    try {
      values ??= await storeValues(jobKv, accepted);
      const { args: _, given: __, ...rest } = accepted;
      const job: Job = { ...rest, ...values, place };
      const stored = await writeJob(jobKv, job, (atomic) => {
        if (spending) addSpending(atomic, spending);
        atomic.check({ key: keys.job(job.id), versionstamp: null })
          .check({ key: keys.active(job), versionstamp: null })
          .set(
            keys.active(job),
            toBytes({ id: job.id, createdAt: job.createdAt }),
          )
          .set(keys.owner(job), NOTHING);
        return addIndexes(atomic, keys, job);
      });
      if (stored) return { kind: "accepted", stored };
    } finally {
      jobKv.taking.get(accepted.clientId)?.delete(place);
    }
    const found = await find(jobKv, accepted.id, spending);
    if (found) return found;
    // Its place was taken, or what was there is removed by now: once more.
  }

  /** Prefers a place that no other start here is about to take. */
  function freePlace(
    clientId: string,
    taken: readonly unknown[],
    limit: number,
  ): number | undefined {
    if (taken.length >= limit) return undefined;
    const { taking } = jobKv;
    const free = Array.from({ length: limit }, (_, i) => i)
      .filter((place) => !taken.includes(place));
    const busy = taking.get(clientId) ?? new Set();
    const quiet = free.filter((place) => !busy.has(place));
    const choice = quiet.length > 0 ? quiet : free;
    const place = choice[Math.floor(timing.random() * choice.length)];
    taking.set(clientId, busy.add(place));
    return place;
  }

  async function takenPlaces(clientId: string): Promise<unknown[]> {
    return await persist(async () => {
      const places: unknown[] = [];
      const prefix = keys.allActive(clientId);
      const limit = maxUnfinished;
      for await (const { key } of kv.list({ prefix }, { limit })) {
        places.push(key.at(-1));
      }
      return places;
    }, timing);
  }
}

/** Looks for the job of a start, or for who spent its nonce. */
export function findStart(
  jobKv: JobKv,
  id: string,
  nonce: Nonce | undefined,
): Promise<Acceptance | undefined> {
  const { keys, timing } = jobKv;
  return find(jobKv, id, nonce && spendingOf(keys.prefix, nonce, timing));
}

/** Looks for the job, or for who spent its nonce; what it finds ends the start. */
async function find(
  jobKv: JobKv,
  id: string,
  spending: Spending | undefined,
): Promise<Acceptance | undefined> {
  const { kv, keys, timing } = jobKv;
  const both = [keys.job(id), ...spending ? [spending.key] : []];
  const [job, nonce] = await persist(() => kv.getMany(both), timing);
  const stored = await readRecord(jobKv, job);
  const isSpent = spending !== undefined && nonce.versionstamp !== null;
  // Who spent it in a commit whose answer was lost has not been refused.
  const isOwn = isSpent && fromBytes(nonce.value) === spending.token;
  if (isSpent && !isOwn) return { kind: "replayed" };
  if (stored) return { kind: "known", stored, isSpent: isOwn };
}

function isLarge(value: unknown): boolean {
  return value !== undefined && toBytes(value).length > INLINE_BYTES;
}

/** Large values are announced first: chunks that get no job are removed. */
async function storeValues(
  { kv, keys, timing }: JobKv,
  { id, args, given, valuesName }: NewJob,
): Promise<Pick<Job, "args" | "given">> {
  const limit = Infinity; // the body was capped
  const announce = async () => {
    const entry = timeOf({ id, dueAt: timing.now() + ORPHANED_AFTER_MS });
    const announced = () => kv.atomic().set(keys.gone(entry), NOTHING).commit();
    await persist(announced, timing);
  };
  const store = (value: unknown, name: string): Promise<StoredValue> => {
    const options = { announce, name: valuesName && `${name} ${valuesName}` };
    return storeValue(kv, keys.chunks(id), value, limit, timing, options);
  };
  return {
    args: await store(args, "args"),
    ...given !== undefined && { given: await store(given, "given") },
  };
}
