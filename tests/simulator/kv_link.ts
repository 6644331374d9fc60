/** A process's connection to the store, where every answer is an event. */
import type { KvAtomic, KvKey, KvLike } from "../../src/kv/kv.ts";
import { sendCommit } from "./kv_commit.ts";
import {
  type Check,
  checkLimits,
  type Committed,
  type Mutation,
  packKey,
} from "./kv_model.ts";
import type { SharedKv, Watcher } from "./kv_shared.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** Connects a process to the store. */
export function connectProcess(
  world: World,
  process: Process,
  shared: SharedKv,
): KvLike {
  const { model } = shared;
  const chance = world.streams.faults;

  /** Looks at one instant between question and answer. */
  function read<T>(look: () => T): Promise<T> {
    if (process.isDead) return new Promise(() => {});
    const { hasFastReads, latencyMs, faults } = shared.network;
    if (hasFastReads && !chance.chance(faults.unread)) {
      return Promise.resolve(look());
    }
    const latency = () => chance.between(0, latencyMs);
    return new Promise((resolve, reject) => {
      const isUnread = chance.chance(faults.unread);
      const refuse = () => reject(new Error("The store refuses to read"));
      world.schedule(latency(), "silent", undefined, () => {
        const found = isUnread ? undefined : look();
        const answer = isUnread ? refuse : () => resolve(found as T);
        world.schedule(latency(), "answer", process, answer);
      });
    });
  }

  return {
    get: (key) => read(() => model.get(key)),
    getMany(keys) {
      if (keys.length > 10) throw new TypeError("Too many ranges (max 10)");
      return read(() => keys.map((key) => model.get(key)));
    },
    async *list(selector, options) {
      yield* await read(() => model.list(selector, options));
    },
    atomic: () =>
      createAtomic(
        process,
        (checks, mutations) =>
          sendCommit({ world, process, shared, checks, mutations }),
      ),
    ...shared.network.watches !== "nothing" && {
      watch: (keys: readonly KvKey[]) => watch(world, process, shared, keys),
      watchIsSafe: true,
    },
  };
}

function createAtomic(
  process: Process,
  send: (
    checks: readonly Check[],
    mutations: readonly Mutation[],
  ) => Promise<Committed>,
): KvAtomic {
  const checks: Check[] = [];
  const mutations: Mutation[] = [];
  const atomic: KvAtomic = {
    check: (...more) => (checks.push(...more), atomic),
    set(key, value, { expireIn } = {}) {
      const expiry = expireIn === undefined ? {} : { expireIn };
      mutations.push({ kind: "set", key, value, ...expiry });
      return atomic;
    },
    delete: (key) => (mutations.push({ kind: "delete", key }), atomic),
    // Deno's limits speak in `commit`, not in `set`.
    async commit() {
      if (process.isDead) return await new Promise(() => {});
      checkLimits(checks, mutations);
      return await send(checks, mutations);
    },
  };
  return atomic;
}

function watch(
  world: World,
  owner: Process,
  { model, watchers }: SharedKv,
  keys: readonly KvKey[],
): ReadableStream<unknown> {
  let watcher: Watcher | undefined;
  return new ReadableStream({
    start(controller) {
      const tell = () => {
        world.schedule(0, "answer", owner, () => {
          if (!watchers.has(watcher as Watcher)) return;
          controller.enqueue(keys.map((key) => model.get(key)));
        });
      };
      watcher = { keys: new Set(keys.map(packKey)), owner, tell };
      watchers.add(watcher);
      tell(); // of how it stands
    },
    cancel: () => void watchers.delete(watcher as Watcher),
  });
}
