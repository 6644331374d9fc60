/**
 * What belongs to a job in KV beside its record: kept steps, and the chunks of
 * large values.
 *
 * @module
 */

import { readValue, type StoredValue, storeValue } from "../kv/chunks.ts";
import { commit, persist } from "../kv/commit.ts";
import { fromBytes, type KvKey, type KvLike, toBytes } from "../kv/kv.ts";
import type { JobKv } from "./kv_keys.ts";
import type { StepOutcome, StoredJob } from "./store.ts";

/** Keys deleted in one commit; a commit takes 1,000 mutations. */
const REMOVED_AT_ONCE = 500;

/** Keeps a step's outcome; `false` if the job changed, or there is one already. */
export async function keepStep(
  jobKv: JobKv,
  { job, version }: StoredJob,
  name: string,
  { value, ...about }: StepOutcome,
): Promise<boolean> {
  const { kv, keys, timing } = jobKv;
  const kept = await keep(jobKv, job.id, value);
  const key = keys.step(job.id, name);
  const by = timing.uuid();
  const landed = await commit(
    () =>
      kv.atomic()
        .check({ key: keys.job(job.id), versionstamp: version })
        .check({ key, versionstamp: null })
        .set(key, toBytes({ by, ...about, ...kept })),
    async () => {
      const { value, versionstamp } = await kv.get(key);
      if (versionstamp === null) return undefined;
      const found = fromBytes(value) as { by?: string };
      // Whoever took the lease over may have kept this step meanwhile.
      return found.by === by ? versionstamp : undefined;
    },
    false,
    timing,
  );
  return landed !== undefined;
}

/** Keeps a value among what belongs to a job. */
export function keep(
  { kv, keys, maxValueBytes, timing }: JobKv,
  id: string,
  value: unknown,
): Promise<StoredValue> {
  const chunks = keys.chunks(id);
  return storeValue(kv, chunks, value, maxValueBytes, timing);
}

/** Reads the outcomes of all kept steps, by name. */
export function readSteps(
  { kv, keys, timing }: JobKv,
  id: string,
): Promise<Map<string, StepOutcome>> {
  return persist(async () => {
    const steps = new Map<string, StepOutcome>();
    for await (const { key, value } of kv.list({ prefix: keys.allSteps(id) })) {
      const kept = fromBytes(value) as StoredValue & StepOutcome;
      const { error, keptAt, asked, size } = kept;
      steps.set(String(key.at(-1)), {
        value: await readValue(kv, keys.chunks(id), kept, timing),
        ...error && { error },
        ...asked !== undefined && { asked },
        ...size !== undefined && { size },
        ...keptAt !== undefined && { keptAt },
      });
    }
    return steps;
  }, timing);
}

/** Lists the keys of a job's steps and chunks, up to a limit. */
export async function listBelongings(
  { kv, keys, timing }: JobKv,
  id: string,
  limit: number,
): Promise<KvKey[]> {
  const list = (prefix: KvKey) =>
    persist(async () => {
      const found: KvKey[] = [];
      for await (const { key } of kv.list({ prefix }, { limit })) {
        found.push(key);
      }
      return found;
    }, timing);
  const [steps, chunks] = await Promise.all([
    list(keys.allSteps(id)),
    list(keys.chunks(id)),
  ]);
  return [...steps, ...chunks].slice(0, limit);
}

/** Removes a job's steps and chunks, some at a time. */
export async function removeBelongings(
  { kv, keys, timing }: JobKv,
  id: string,
): Promise<void> {
  for (const prefix of [keys.allSteps(id), keys.chunks(id)]) {
    while (await persist(() => removeSome(kv, prefix), timing));
  }
}

/** Whether there may be more. */
async function removeSome(kv: KvLike, prefix: KvKey): Promise<boolean> {
  let count = 0;
  const atomic = kv.atomic();
  for await (const { key } of kv.list({ prefix }, { limit: REMOVED_AT_ONCE })) {
    atomic.delete(key);
    count++;
  }
  if (count > 0) await atomic.commit();
  return count === REMOVED_AT_ONCE;
}
