/**
 * A process's connection to the store: every answer is an event, and a commit
 * may be refused, land unseen, or land long after it was given up.
 */
import type { KvAtomic, KvKey, KvLike } from "../../src/kv/kv.ts";
import {
  type Check,
  checkLimits,
  type Committed,
  type KvModel,
  type Mutation,
  packKey,
} from "./kv_model.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** How often what goes wrong, as probabilities of each operation. */
export interface KvFaults {
  /** An error, and nothing was written. */
  refused: number;
  /** "database is locked", as Deno says when another process writes. */
  locked: number;
  /** It landed, and the answer was lost. */
  landedAndFailed: number;
  /** An error, and it lands later. */
  late: number;
  /** No answer for very long; then either. */
  hanging: number;
  /** A read that fails. */
  unread: number;
}

/** How a store is reached. */
export interface KvNetwork {
  readonly faults: KvFaults;
  /** Longest way there, and back, in milliseconds. */
  readonly latencyMs: number;
  /** Longest that a late commit is under way. */
  readonly lateMs: number;
  /** Whether reads answer at once. */
  readonly hasFastReads: boolean;
  /** Whose writes `watch` tells of; a file's tells of its own process's only. */
  readonly watches: "nothing" | "own" | "all";
  /** Whether commits land whatever they check: a store that nobody may use. */
  readonly isUnchecked: boolean;
}

/** Who sees every commit that landed. */
export type OnLanded = (
  by: Process,
  mutations: readonly Mutation[],
  before: (key: KvKey) => unknown,
) => void;

/** The store that all processes of a world share. */
export interface SharedKv {
  readonly model: KvModel;
  /** As it is now: faults end, too. */
  network: KvNetwork;
  readonly onLanded: OnLanded;
  /** Who is told of which keys. */
  readonly watchers: Set<Watcher>;
}

interface Watcher {
  readonly keys: ReadonlySet<string>;
  readonly owner: Process;
  tell(): void;
}

/** Connects a process to the store. */
export function connectProcess(
  world: World,
  process: Process,
  shared: SharedKv,
): KvLike {
  const { model } = shared;
  const chance = world.streams.faults;
  const latency = () => chance.between(0, shared.network.latencyMs);

  function read<T>(look: () => T): Promise<T> {
    if (process.isDead) return new Promise(() => {});
    const { network, network: { faults } } = shared;
    if (network.hasFastReads && !chance.chance(faults.unread)) {
      return Promise.resolve(look());
    }
    return new Promise((resolve, reject) => {
      const isUnread = chance.chance(faults.unread);
      world.schedule(latency(), "silent", undefined, () => {
        const found = isUnread ? undefined : look();
        world.schedule(
          latency(),
          "answer",
          process,
          isUnread
            ? () => reject(new Error("The store refuses to read"))
            : () => resolve(found as T),
        );
      });
    });
  }

  const land = (checks: readonly Check[], mutations: readonly Mutation[]) =>
    landCommit(
      world,
      process,
      shared,
      shared.network.isUnchecked ? [] : checks,
      mutations,
    );

  function send(
    checks: readonly Check[],
    mutations: readonly Mutation[],
  ): Promise<Committed> {
    const { faults, lateMs } = shared.network;
    return new Promise((resolve, reject) => {
      const answer = (ms: number, run: () => void) =>
        world.schedule(ms, "answer", process, run);
      const later = (ms: number, run: () => void) =>
        world.schedule(ms, "silent", undefined, run);
      const fail = (ms: number, message: string) =>
        answer(ms, () => reject(new Error(message)));

      switch (drawFate(chance.number(), faults)) {
        case "refused":
          return fail(latency(), "The store refuses");
        case "locked":
          return answer(0, () => reject(new TypeError("database is locked")));
        case "landedAndFailed":
          world.reach("a commit landed, and its answer was lost");
          return later(latency(), () => {
            land(checks, mutations);
            fail(latency(), "The connection broke");
          });
        case "late": {
          const givenUpIn = latency();
          fail(givenUpIn, "The store timed out");
          return later(givenUpIn + chance.between(1, lateMs), () => {
            if (land(checks, mutations).ok) world.reach("a commit landed late");
          });
        }
        case "hanging": {
          const answeredIn = chance.between(1, 2 * lateMs);
          world.reach("a commit hung");
          if (chance.chance(0.3)) return fail(answeredIn, "It hung up");
          return later(chance.between(0, answeredIn), () => {
            const result = land(checks, mutations);
            answer(answeredIn, () => resolve(result));
          });
        }
        default:
          return later(latency(), () => {
            const result = land(checks, mutations);
            answer(latency(), () => resolve(result));
          });
      }
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
    atomic: () => createAtomic(process, send),
    ...shared.network.watches !== "nothing" && {
      watch: (keys: readonly KvKey[]) => watch(world, process, shared, keys),
      watchIsSafe: true,
    },
  };
}

function landCommit(
  world: World,
  process: Process,
  { model, onLanded, watchers, network }: SharedKv,
  checks: readonly Check[],
  mutations: readonly Mutation[],
): Committed {
  const before = new Map(
    mutations.map(({ key }) => [packKey(key), model.get(key).value]),
  );
  const result = model.commit(checks, mutations);
  if (!result.ok) {
    world.note(`${process.name} commit refused`);
    return result;
  }
  world.note(`${process.name} commits ${mutations.map(describe).join(", ")}`);
  onLanded(process, mutations, (key) => before.get(packKey(key)) ?? undefined);
  for (const mutation of mutations) {
    if (mutation.kind === "set" && mutation.expireIn !== undefined) {
      dropExpired(world, model, mutation, result.versionstamp);
    }
  }
  for (const watcher of watchers) {
    if (network.watches === "own" && watcher.owner !== process) continue;
    if (mutations.some(({ key }) => watcher.keys.has(packKey(key)))) {
      watcher.tell();
    }
  }
  return result;
}

/** Late, or never. */
function dropExpired(
  world: World,
  model: KvModel,
  { key, expireIn = 0 }: Extract<Mutation, { kind: "set" }>,
  versionstamp: string,
): void {
  const { faults } = world.streams;
  if (faults.chance(0.5)) return;
  const ms = expireIn * (1 + faults.number());
  world.schedule(
    ms,
    "silent",
    undefined,
    () => model.expire(key, versionstamp),
  );
}

type Fate = keyof KvFaults | undefined;

function drawFate(drawn: number, faults: KvFaults): Fate {
  let until = 0;
  for (
    const fate of [
      "refused",
      "locked",
      "landedAndFailed",
      "late",
      "hanging",
    ] as const
  ) {
    until += faults[fate];
    if (drawn < until) return fate;
  }
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

function describe({ kind, key }: Mutation): string {
  const parts = key.slice(2).map((part) => String(part).slice(0, 12));
  return `${kind === "set" ? "+" : "-"}${parts.join("/")}`;
}
