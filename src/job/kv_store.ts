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
import { acceptJob, findStart } from "./kv_accept.ts";
import { forgetDue, listDue, readJobs, setAsideDue } from "./kv_due.ts";
import { createJobKeys, type JobKv } from "./kv_keys.ts";
import { listJobs } from "./kv_listing.ts";
import { readJob } from "./kv_record.ts";
import { removeGone, removeJobs } from "./kv_removal.ts";
import { answerJob, completeJob, replaceJob } from "./kv_replace.ts";
import { keepStep, readSteps } from "./kv_steps.ts";
import type { JobStore } from "./store.ts";

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
  const jobKv: JobKv = { kv, keys, maxValueBytes, timing, taking: new Map() };
  const patient = (until?: number): JobKv =>
    until === undefined ? jobKv : { ...jobKv, timing: { ...timing, until } };
  return {
    accept: (job, nonce, max) => acceptJob(jobKv, job, nonce, max),
    find: (id, nonce) => findStart(jobKv, id, nonce),
    read: (id, until) => readJob(patient(until), id),
    readMany: (ids) => readJobs(jobKv, ids),
    value: (job, stored) =>
      readValue(kv, keys.chunks(job.id), stored ?? {}, timing),
    replace: (stored, next, until) => replaceJob(patient(until), stored, next),
    complete: (stored, next, result, until) =>
      completeJob(patient(until), stored, next, result),
    answer: (stored, next, answers) => answerJob(jobKv, stored, next, answers),
    keepStep: (stored, name, value, until) =>
      keepStep(patient(until), stored, name, value),
    steps: (id) => readSteps(jobKv, id),
    due: (until, limit, after) => listDue(jobKv, until, limit, after),
    forget: (due) => forgetDue(jobKv, due),
    setAside: (due, until) => setAsideDue(jobKv, due, until),
    unfinished: (clientId, limit) => countUnfinished(jobKv, clientId, limit),
    list: (clientId, page) => listJobs(jobKv, clientId, page),
    remove: (jobs) => removeJobs(jobKv, jobs),
    removeGone: (now, limit) => removeGone(jobKv, now, limit),

    async changed({ job, version }, ms, signal) {
      await waitForChange(kv, keys.job(job.id), version, ms, signal, timing);
      return await readJob(jobKv, job.id);
    },
  };
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
