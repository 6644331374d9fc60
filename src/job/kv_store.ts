/**
 * A {@linkcode JobStore} in Deno KV, or in anything that speaks its API.
 *
 * @module
 */

import { waitForChange } from "../kv/change.ts";
import { readValue } from "../kv/chunks.ts";
import { persist } from "../kv/commit.ts";
import type { KvKey, KvLike } from "../kv/kv.ts";
import type { Timing } from "../timing.ts";
import { acceptJob } from "./kv_accept.ts";
import { createJobKeys, type JobKv } from "./kv_keys.ts";
import { listJobs } from "./kv_listing.ts";
import { readJob } from "./kv_record.ts";
import { answerJob, completeJob, removeJob, replaceJob } from "./kv_replace.ts";
import { keepStep, readSteps, removeBelongings } from "./kv_steps.ts";
import type { Due, JobStore } from "./store.ts";

/** Options for {@linkcode kvJobStore}. */
export interface KvJobStoreOptions {
  /** First parts of every key. */
  prefix: KvKey;
  /** Largest JSON, in bytes, of a result or a step's value. */
  maxValueBytes: number;
  timing: Timing;
}

/** Makes a store of jobs in `kv`. */
export function kvJobStore(kv: KvLike, options: KvJobStoreOptions): JobStore {
  const { prefix, maxValueBytes, timing } = options;
  const keys = createJobKeys(prefix);
  const jobKv: JobKv = { kv, keys, maxValueBytes, timing };
  const patient = (until?: number): JobKv =>
    until === undefined ? jobKv : { ...jobKv, timing: { ...timing, until } };
  return {
    accept: (job, args, nonce) => acceptJob(jobKv, job, args, nonce),
    read: (id, until) => readJob(patient(until), id),
    args: (job) => readValue(kv, keys.chunks(job.id), job.args, timing),
    result: (job) =>
      readValue(kv, keys.chunks(job.id), job.result ?? {}, timing),
    replace: (stored, next, until) => replaceJob(patient(until), stored, next),
    complete: (stored, next, result, until) =>
      completeJob(patient(until), stored, next, result),
    answer: (stored, next, answers) => answerJob(jobKv, stored, next, answers),
    keepStep: (stored, name, value, until) =>
      keepStep(patient(until), stored, name, value),
    steps: (id) => readSteps(jobKv, id),
    due: (until, limit) => listDue(jobKv, until, limit),
    unfinished: (clientId, limit) => countUnfinished(jobKv, clientId, limit),
    list: (clientId, page) => listJobs(jobKv, clientId, page),
    remove: (stored) => removeJob(jobKv, stored),

    async forget(entry) {
      const isMissing = await readJob(jobKv, entry.id) === undefined;
      if (isMissing) await removeBelongings(jobKv, entry.id);
      await persist(() => kv.atomic().delete(keys.due(entry)).commit(), timing);
    },

    async changed({ job, version }, ms, signal) {
      await waitForChange(kv, keys.job(job.id), version, ms, signal, timing);
      return await readJob(jobKv, job.id);
    },
  };
}

function listDue(
  { kv, keys: { allDue }, timing }: JobKv,
  until: number,
  limit: number,
): Promise<Due[]> {
  return persist(async () => {
    const due: Due[] = [];
    const selector = { start: allDue, end: [...allDue, until + 1] };
    for await (const { key } of kv.list(selector, { limit })) {
      due.push({ at: key.at(-2) as number, id: key.at(-1) as string });
    }
    return due;
  }, timing);
}

function countUnfinished(
  { kv, keys, timing }: JobKv,
  clientId: string,
  limit: number,
): Promise<number> {
  return persist(async () => {
    let count = 0;
    const prefix = keys.allActive(clientId);
    for await (const _ of kv.list({ prefix }, { limit })) count++;
    return count;
  }, timing);
}
