/**
 * What becomes of a commit: it may be refused, land unseen, or land long after
 * it was given up.
 */
import {
  type Check,
  type Committed,
  type KvModel,
  type Mutation,
  packKey,
} from "./kv_model.ts";
import type { KvFaults, SharedKv } from "./kv_shared.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** A commit on its way. */
export interface Sending {
  readonly world: World;
  readonly process: Process;
  readonly shared: SharedKv;
  readonly checks: readonly Check[];
  readonly mutations: readonly Mutation[];
}

/** Sends a commit; its fate is drawn. */
export function sendCommit(sending: Sending): Promise<Committed> {
  const { world, process, shared } = sending;
  const { faults, lateMs, latencyMs } = shared.network;
  const chance = world.streams.faults;
  const latency = () => chance.between(0, latencyMs);
  return new Promise((resolve, reject) => {
    const answer = (ms: number, run: () => void) =>
      world.schedule(ms, "answer", process, run);
    const fail = (ms: number, message: string) =>
      answer(ms, () => reject(new Error(message)));
    const land = (ms: number, then: (result: Committed) => void) =>
      world.schedule(ms, "silent", undefined, () => then(landCommit(sending)));

    switch (drawFate(chance.number(), faults)) {
      case "refused":
        return fail(latency(), "The store refuses");
      case "locked":
        return answer(0, () => reject(new TypeError("database is locked")));
      case "landedAndFailed":
        world.reach("a commit landed, and its answer was lost");
        return land(latency(), () => fail(latency(), "The connection broke"));
      case "late": {
        const givenUpIn = latency();
        fail(givenUpIn, "The store timed out");
        return land(givenUpIn + chance.between(1, lateMs), ({ ok }) => {
          if (ok) world.reach("a commit landed late");
        });
      }
      case "hanging": {
        const answeredIn = chance.between(1, 2 * lateMs);
        world.reach("a commit hung");
        if (chance.chance(0.3)) return fail(answeredIn, "It hung up");
        return land(
          chance.between(0, answeredIn),
          (result) => answer(answeredIn, () => resolve(result)),
        );
      }
      default:
        return land(
          latency(),
          (result) => answer(latency(), () => resolve(result)),
        );
    }
  });
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

function landCommit(
  { world, process, shared, checks, mutations }: Sending,
): Committed {
  const { model, onLanded, watchers, network } = shared;
  const before = new Map(
    mutations.map(({ key }) => [packKey(key), model.get(key).value]),
  );
  const result = model.commit(network.isUnchecked ? [] : checks, mutations);
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

function describe({ kind, key }: Mutation): string {
  const parts = key.slice(2).map((part) => String(part).slice(0, 12));
  return `${kind === "set" ? "+" : "-"}${parts.join("/")}`;
}
