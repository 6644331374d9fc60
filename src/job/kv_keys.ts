/**
 * Where a job and what belongs to it stand in KV.
 *
 * | key, under the prefix | value |
 * | --- | --- |
 * | `["job", id]` | the job, and the id of the write that left it so |
 * | `["due", dueAt, id]` | whose it is and its tool, while it is unfinished |
 * | `["gone", dueAt, id]` | `null`, once it is final: when to remove it |
 * | `["active", client, place]` | its id and `createdAt`, while it is unfinished |
 * | `["owner", client, createdAt, id]` | `null` |
 * | `["ended", client, status, createdAt, id]` | `null`, once it is final |
 * | `["step", id, name]` | a step's outcome, and the id of the write that kept it |
 * | `["chunk", id, value, n]` | a piece of a large value |
 * | `["nonce", client, nonce]` | see `kv/nonces.ts` |
 *
 * Version 0.1 kept final jobs in `due`, too, all of its values `null`, and had
 * the job's id for its place in `active`.
 *
 * @module
 */

import type { Patience } from "../kv/commit.ts";
import { fromBytes, type KvKey, type KvLike } from "../kv/kv.ts";
import type { Job } from "./job.ts";
import type { Due } from "./store.ts";

/** A KV with the keys of its jobs, and what limits their values. */
export interface JobKv {
  readonly kv: KvLike;
  readonly keys: JobKeys;
  /** Largest JSON, in bytes, of a result or a step's value. */
  readonly maxValueBytes: number;
  readonly timing: Patience;
  /** The places that starts under way here are about to take, by client. */
  readonly taking: Map<string, Set<number>>;
}

/** An entry of an index: a job's id under a time. */
type Timed = Pick<Due, "at" | "id">;

/** The keys of jobs. */
export interface JobKeys {
  /** First parts of every key. */
  readonly prefix: KvKey;
  job(id: string): KvKey;
  due(entry: Timed): KvKey;
  /** Prefix of the index of what is to be run. */
  readonly allDue: KvKey;
  gone(entry: Timed): KvKey;
  /** Prefix of the index of what is to be removed. */
  readonly allGone: KvKey;
  active(job: Pick<Job, "clientId" | "id" | "place">): KvKey;
  allActive(clientId: string): KvKey;
  owner(job: Pick<Job, "clientId" | "createdAt" | "id">): KvKey;
  allOwned(clientId: string): KvKey;
  ended(job: Pick<Job, "clientId" | "status" | "createdAt" | "id">): KvKey;
  allEnded(clientId: string, status: string): KvKey;
  step(id: string, name: string): KvKey;
  allSteps(id: string): KvKey;
  /** Prefix of the chunks of a job's values. */
  chunks(id: string): KvKey;
}

/** Makes the keys under a prefix. */
export function createJobKeys(prefix: KvKey): JobKeys {
  const under = (...parts: KvKey): KvKey => [...prefix, ...parts];
  return {
    prefix,
    job: (id) => under("job", id),
    due: ({ at, id }) => under("due", at, id),
    allDue: under("due"),
    gone: ({ at, id }) => under("gone", at, id),
    allGone: under("gone"),
    active: ({ clientId, id, place }) => under("active", clientId, place ?? id),
    allActive: (clientId) => under("active", clientId),
    owner: ({ clientId, createdAt, id }) =>
      under("owner", clientId, createdAt, id),
    allOwned: (clientId) => under("owner", clientId),
    ended: ({ clientId, status, createdAt, id }) =>
      under("ended", clientId, status, createdAt, id),
    allEnded: (clientId, status) => under("ended", clientId, status),
    step: (id, name) => under("step", id, name),
    allSteps: (id) => under("step", id),
    chunks: (id) => under("chunk", id),
  };
}

/** A job's time in the index that it stands in. */
export function timeOf({ id, dueAt }: Pick<Job, "id" | "dueAt">): Timed {
  return { at: dueAt, id };
}

/** An entry of the due index. */
export function readDue(key: KvKey, value: unknown): Due {
  const about = fromBytes(value) as Partial<Due> | null;
  return { at: key.at(-2) as number, id: key.at(-1) as string, ...about };
}
