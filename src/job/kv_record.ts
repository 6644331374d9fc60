/**
 * A job's record in KV: the job, and which write left it so.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import { commit, persist } from "../kv/commit.ts";
import { fromBytes, type KvAtomic, type KvEntry, toBytes } from "../kv/kv.ts";
import type { Job } from "./job.ts";
import type { JobKv } from "./kv_keys.ts";
import type { StoredJob } from "./store.ts";

/** Reads a job. */
export async function readJob(
  { kv, keys, timing }: JobKv,
  id: string,
): Promise<StoredJob | undefined> {
  return readRecord(await persist(() => kv.get(keys.job(id)), timing));
}

/**
 * Writes a job, knowing its own write again when the answer was lost.
 *
 * @param complete Adds the checks and what else is written with the job.
 */
export async function writeJob(
  { kv, keys, timing }: JobKv,
  job: Job,
  complete: (atomic: KvAtomic) => KvAtomic,
): Promise<StoredJob | undefined> {
  const key = keys.job(job.id);
  const by = timing.uuid();
  const record = toBytes({ by, job });
  const version = await commit(
    () => complete(kv.atomic()).set(key, record),
    async () => {
      const found = readRecord(await kv.get(key));
      return found?.by === by ? found.version : undefined;
    },
    false,
    timing,
  );
  return version === undefined ? undefined : { job, version };
}

/**
 * Reads a record.
 *
 * @throws {CountersignError} `unavailable` if something else stands there.
 */
export function readRecord(
  { value, versionstamp }: KvEntry,
): StoredJob & { by: string } | undefined {
  if (versionstamp === null) return undefined;
  try {
    const { by, job } = fromBytes(value) as { by: string; job: Job };
    return { by, job, version: versionstamp };
  } catch (cause) {
    const message = "A stored job is unreadable";
    throw new CountersignError("unavailable", message, { cause });
  }
}
