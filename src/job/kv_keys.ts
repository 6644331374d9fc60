/**
 * Where a job and what belongs to it stand in KV.
 *
 * | key, under the prefix | value |
 * | --- | --- |
 * | `["job", id]` | the job, and the id of the write that left it so |
 * | `["due", dueAt, id]` | `null`: one entry for every job there is |
 * | `["active", client, id]` | `null`, while the job is unfinished |
 * | `["owner", client, createdAt, id]` | `null` |
 * | `["step", id, name]` | a step's value, and the id of the write that kept it |
 * | `["chunk", id, value, n]` | a piece of a large value |
 * | `["nonce", client, nonce]` | see `kv/nonces.ts` |
 *
 * @module
 */

import type { Patience } from "../kv/commit.ts";
import type { KvKey, KvLike } from "../kv/kv.ts";
import type { Job } from "./job.ts";
import type { Due } from "./store.ts";

/** A KV with the keys of its jobs, and what limits their values. */
export interface JobKv {
  readonly kv: KvLike;
  readonly keys: JobKeys;
  /** Largest JSON, in bytes, of a result or a step's value. */
  readonly maxValueBytes: number;
  readonly timing: Patience;
}

/** The keys of jobs. */
export interface JobKeys {
  /** First parts of every key. */
  readonly prefix: KvKey;
  job(id: string): KvKey;
  due(entry: Due): KvKey;
  /** Prefix of the due index. */
  readonly allDue: KvKey;
  active(job: Pick<Job, "clientId" | "id">): KvKey;
  allActive(clientId: string): KvKey;
  owner(job: Pick<Job, "clientId" | "createdAt" | "id">): KvKey;
  allOwned(clientId: string): KvKey;
  step(id: string, name: string): KvKey;
  allSteps(id: string): KvKey;
  /** Prefix of the chunks of a job's values. */
  chunks(id: string): KvKey;
}

/** Makes the keys under a prefix. */
export function createJobKeys(prefix: KvKey): JobKeys {
  return {
    prefix,
    job: (id) => [...prefix, "job", id],
    due: ({ at, id }) => [...prefix, "due", at, id],
    allDue: [...prefix, "due"],
    active: ({ clientId, id }) => [...prefix, "active", clientId, id],
    allActive: (clientId) => [...prefix, "active", clientId],
    owner: ({ clientId, createdAt, id }) => [
      ...prefix,
      "owner",
      clientId,
      createdAt,
      id,
    ],
    allOwned: (clientId) => [...prefix, "owner", clientId],
    step: (id, name) => [...prefix, "step", id, name],
    allSteps: (id) => [...prefix, "step", id],
    chunks: (id) => [...prefix, "chunk", id],
  };
}

/** A job's entry in the due index. */
export function dueOf({ id, dueAt }: Pick<Job, "id" | "dueAt">): Due {
  return { at: dueAt, id };
}
