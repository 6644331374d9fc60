/**
 * A {@linkcode JobStore} in Deno KV, or in anything that speaks its API.
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

import { waitForChange } from "../kv/change.ts";
import { commit, persist } from "../kv/commit.ts";
import {
  readValue as readKept,
  type StoredValue,
  storeValue,
} from "../kv/chunks.ts";
import {
  fromBytes,
  type KvAtomic,
  type KvKey,
  type KvLike,
  type KvSelector,
  toBytes,
} from "../kv/kv.ts";
import { addSpending, spendingOf } from "../kv/nonces.ts";
import { isFinal, type Job } from "./job.ts";
import { listJobs } from "./kv_listing.ts";
import { readRecord, writeRecord } from "./kv_record.ts";
import type { Due, JobStore, StoredJob } from "./store.ts";

/** Options for {@linkcode kvJobStore}. */
export interface KvJobStoreOptions {
  /** First parts of every key. */
  prefix: KvKey;
  /** Largest JSON, in bytes, of a result or a step's value. */
  maxValueBytes: number;
  /** Current time, in Unix milliseconds. */
  now: () => number;
}

const NOTHING = toBytes(null);
/** How long chunks may wait for the job that names them. */
const ORPHANED_AFTER_MS = 3_600_000;
/** Keys deleted in one commit; a commit takes 1,000 mutations. */
const REMOVED_AT_ONCE = 500;

/** Keeps jobs in `kv`. */
export function kvJobStore(kv: KvLike, options: KvJobStoreOptions): JobStore {
  const { prefix, maxValueBytes, now } = options;
  const jobKey = (id: string) => [...prefix, "job", id];
  const dueKey = ({ at, id }: Due) => [...prefix, "due", at, id];
  const activeKey = (job: Pick<Job, "clientId" | "id">) => [
    ...prefix,
    "active",
    job.clientId,
    job.id,
  ];
  const ownerKey = (job: Job) => [
    ...prefix,
    "owner",
    job.clientId,
    job.createdAt,
    job.id,
  ];
  const stepsOf = (id: string) => [...prefix, "step", id];
  const chunksOf = (id: string) => [...prefix, "chunk", id];

  async function read(id: string): Promise<StoredJob | undefined> {
    return readRecord(await persist(() => kv.get(jobKey(id))));
  }

  /** Writes a job, knowing its own write again when the answer was lost. */
  async function write(
    job: Job,
    complete: (atomic: KvAtomic) => KvAtomic,
  ): Promise<StoredJob | undefined> {
    const key = jobKey(job.id);
    const by = crypto.randomUUID();
    const bytes = writeRecord(job, by);
    const version = await commit(
      () => complete(kv.atomic()).set(key, bytes),
      async () => {
        const entry = await kv.get(key);
        const found = readRecord(entry);
        return found?.by === by ? found.version : undefined;
      },
    );
    return version === undefined ? undefined : { job, version };
  }

  function replace(
    { job, version }: StoredJob,
    next: Job,
    steps: readonly [name: string, value: StoredValue][] = [],
  ): Promise<StoredJob | undefined> {
    return write(next, (atomic) => {
      atomic.check({ key: jobKey(job.id), versionstamp: version })
        .set(dueKey(dueOf(next)), NOTHING);
      for (const [name, value] of steps) {
        atomic.set([...stepsOf(job.id), name], toBytes(value));
      }
      if (next.dueAt !== job.dueAt) atomic.delete(dueKey(dueOf(job)));
      if (isFinal(next)) atomic.delete(activeKey(job));
      return atomic;
    });
  }

  async function* keysOf(selector: KvSelector, limit?: number) {
    for await (const { key } of kv.list(selector, { limit })) yield key;
  }

  /** Removes a job's steps and chunks, some at a time. */
  async function removeBelongings(id: string): Promise<void> {
    for (const prefix of [stepsOf(id), chunksOf(id)]) {
      while (await persist(() => removeSome(prefix)));
    }
  }

  /** Whether there may be more. */
  async function removeSome(prefix: KvKey): Promise<boolean> {
    let count = 0;
    const atomic = kv.atomic();
    for await (const key of keysOf({ prefix }, REMOVED_AT_ONCE)) {
      atomic.delete(key);
      count++;
    }
    if (count > 0) await atomic.commit();
    return count === REMOVED_AT_ONCE;
  }

  return {
    read,
    replace: (held, next) => replace(held, next),

    async answer(held, next, answers) {
      const prefix = chunksOf(held.job.id);
      const steps = Array.from(answers, async ([name, value]) => {
        const kept = await storeValue(kv, prefix, value, maxValueBytes);
        return [name, kept] as [string, StoredValue];
      });
      return await replace(held, next, await Promise.all(steps));
    },

    async accept(unkept, args, nonce) {
      const { id } = unkept;
      const kept = await keepArgs(id, args);
      const job: Job = { ...unkept, args: kept };
      const spending = nonce && spendingOf(prefix, nonce, now());
      for (;;) {
        const held = await write(job, (atomic) => {
          if (spending) addSpending(atomic, spending);
          return atomic.check({ key: jobKey(id), versionstamp: null })
            .set(dueKey(dueOf(job)), NOTHING)
            .set(activeKey(job), NOTHING)
            .set(ownerKey(job), NOTHING);
        });
        if (held) return { kind: "accepted", held };
        if (spending) {
          const spent = await persist(() => kv.get(spending.key));
          if (spent.versionstamp !== null) return { kind: "replayed" };
        }
        const earlier = await read(id);
        if (earlier) return { kind: "known", held: earlier };
        // Neither spent nor known: it was removed just now, so once more.
      }
    },

    args: (job) => readKept(kv, chunksOf(job.id), job.args),
    result: (job) => readKept(kv, chunksOf(job.id), job.result ?? {}),

    async complete(held, next, result) {
      const { id } = held.job;
      const kept = await storeValue(kv, chunksOf(id), result, maxValueBytes);
      return await replace(held, next(kept));
    },

    async keepStep({ job, version }, name, value) {
      const kept = await storeValue(kv, chunksOf(job.id), value, maxValueBytes);
      const key = [...stepsOf(job.id), name];
      const by = crypto.randomUUID();
      const landed = await commit(
        () =>
          kv.atomic()
            .check({ key: jobKey(job.id), versionstamp: version })
            .check({ key, versionstamp: null })
            .set(key, toBytes({ by, ...kept })),
        async () => {
          const { value, versionstamp } = await kv.get(key);
          if (versionstamp === null) return undefined;
          const found = fromBytes(value) as { by?: string };
          // Whoever took the lease over may have kept this step meanwhile.
          return found.by === by ? versionstamp : undefined;
        },
      );
      return landed !== undefined;
    },

    steps(id) {
      return persist(async () => {
        const steps = new Map<string, unknown>();
        for await (const { key, value } of kv.list({ prefix: stepsOf(id) })) {
          const kept = fromBytes(value) as StoredValue;
          steps.set(String(key.at(-1)), await readKept(kv, chunksOf(id), kept));
        }
        return steps;
      });
    },

    due(until, limit) {
      const start = [...prefix, "due"];
      return persist(async () => {
        const due: Due[] = [];
        const end = [...start, until + 1];
        for await (const key of keysOf({ start, end }, limit)) {
          due.push({ at: key.at(-2) as number, id: key.at(-1) as string });
        }
        return due;
      });
    },

    async forget(due) {
      if (await read(due.id) === undefined) await removeBelongings(due.id);
      await persist(() => kv.atomic().delete(dueKey(due)).commit());
    },

    unfinished(clientId, limit) {
      return persist(async () => {
        let count = 0;
        const active = { prefix: [...prefix, "active", clientId] };
        for await (const _ of keysOf(active, limit)) count++;
        return count;
      });
    },

    list: (clientId, page) =>
      listJobs(kv, [...prefix, "owner", clientId], jobKey, page),

    async changed({ job, version }, ms, signal) {
      await waitForChange(kv, jobKey(job.id), version, ms, signal);
      return await read(job.id);
    },

    async remove(held) {
      const { job, version } = held;
      await removeBelongings(job.id);
      const gone = await commit(
        () =>
          kv.atomic()
            .check({ key: jobKey(job.id), versionstamp: version })
            .delete(jobKey(job.id))
            .delete(dueKey(dueOf(job)))
            .delete(activeKey(job))
            .delete(ownerKey(job)),
        async () =>
          (await kv.get(jobKey(job.id))).versionstamp === null ? "" : undefined,
      );
      return gone !== undefined;
    },
  };

  /** Large arguments are announced first: chunks that get no job are removed. */
  async function keepArgs(id: string, args: unknown): Promise<StoredValue> {
    const announced: Due = { at: now() + ORPHANED_AFTER_MS, id };
    const limit = Infinity; // the body was capped
    return await storeValue(kv, chunksOf(id), args, limit, async () => {
      const key = dueKey(announced);
      await persist(() => kv.atomic().set(key, NOTHING).commit());
    });
  }
}

function dueOf(job: Job): Due {
  return { at: job.dueAt, id: job.id };
}
