/**
 * A job's record in KV: the job, and which write left it so.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import { readValue, type StoredValue } from "../kv/chunks.ts";
import { commit, persist } from "../kv/commit.ts";
import { fromBytes, type KvAtomic, type KvEntry, toBytes } from "../kv/kv.ts";
import type { Job } from "./job.ts";
import type { JobKv } from "./kv_keys.ts";
import { keep } from "./kv_steps.ts";
import type { StoredJob } from "./store.ts";

/** Reads a job. */
export async function readJob(
  jobKv: JobKv,
  id: string,
): Promise<StoredJob | undefined> {
  const { kv, keys, timing } = jobKv;
  const entry = await persist(() => kv.get(keys.job(id)), timing);
  return await readRecord(jobKv, entry);
}

/**
 * Writes a job, knowing its own write again when the answer was lost.
 *
 * @param complete Adds the checks and what else is written with the job.
 */
export async function writeJob(
  jobKv: JobKv,
  job: Job,
  complete: (atomic: KvAtomic) => KvAtomic,
): Promise<StoredJob | undefined> {
  const { kv, keys, timing } = jobKv;
  const key = keys.job(job.id);
  const by = timing.uuid();
  const record = toBytes({ by, ...await storeQuestions(jobKv, job) });
  const version = await commit(
    () => complete(kv.atomic()).set(key, record),
    async () => {
      const found = await readRecord(jobKv, await kv.get(key));
      return found?.by === by ? found.version : undefined;
    },
    false,
    timing,
  );
  return version === undefined ? undefined : { job, version };
}

/** What stands at a job's key. */
interface Record {
  /** The id of the write that left it so. */
  readonly by: string;
  readonly job: Job;
  /** The job's questions, where they are too large to stand with it. */
  readonly questions?: StoredValue;
}

/** Questions that were written in chunks: a heartbeat does not write them again. */
const written = new WeakMap<object, StoredValue>();

async function storeQuestions(
  jobKv: JobKv,
  job: Job,
): Promise<Omit<Record, "by">> {
  const { questions, ...rest } = job;
  if (questions === undefined) return { job };
  const stored = written.get(questions) ?? await keep(jobKv, job.id, questions);
  if (!("chunks" in stored)) return { job };
  written.set(questions, stored);
  return { job: rest, questions: stored };
}

/**
 * Reads a record.
 *
 * @throws {CountersignError} `unavailable` if something else stands there.
 */
export async function readRecord(
  { kv, keys, timing }: JobKv,
  { value, versionstamp }: KvEntry,
): Promise<StoredJob & { by: string } | undefined> {
  if (versionstamp === null) return undefined;
  const { by, job, questions: stored } = parse(value);
  if (!stored) return { by, job, version: versionstamp };
  const chunks = keys.chunks(job.id);
  const questions = await readValue(kv, chunks, stored, timing) as NonNullable<
    Job["questions"]
  >;
  written.set(questions, stored);
  return { by, job: { ...job, questions }, version: versionstamp };
}

function parse(value: unknown): Record {
  try {
    const record = fromBytes(value) as Record;
    if (typeof record.job.id === "string") return record;
    throw new TypeError("A record without a job");
  } catch (cause) {
    const message = "A stored job is unreadable";
    throw new CountersignError("unavailable", message, { cause });
  }
}
