/** The simulator's store does what Deno's own does, whatever is asked of it. */
import { assertEquals } from "@std/assert";
import type { KvEntry, KvKey, KvLike, KvSelector } from "../src/kv/kv.ts";
import { connectProcess } from "./simulator/kv_link.ts";
import { createKvModel } from "./simulator/kv_model.ts";
import { NO_FAULTS } from "./simulator/mix.ts";
import { createProcess } from "./simulator/process.ts";
import { createRandom, type Random } from "./simulator/random.ts";
import { createWorld } from "./simulator/world.ts";

const OPERATIONS = 3000;

Deno.test("the model KV answers random operations as Deno's does", async () => {
  for (const seed of [1, 2, 3]) {
    const random = createRandom(seed);
    using real = await Deno.openKv(":memory:");
    const model = openModel();
    // Versionstamps differ: each is known by the number of its commit.
    const stamps: [KvLike, Map<string, number>][] = [
      [real, new Map()],
      [model, new Map()],
    ];
    let commits = 0;
    for (let i = 0; i < OPERATIONS; i++) {
      const operation = drawOperation(random, commits);
      const answers = [];
      for (const [kv, known] of stamps) {
        answers.push(await outcomeOf(operation, kv, known, commits + 1));
      }
      assertEquals(answers[1], answers[0], `seed ${seed}, operation ${i}`);
      if (operation.kind === "commit" && answers[0] === "landed") commits++;
    }
  }
});

/** A connection without faults, its world run while it is asked. */
function openModel(): KvLike {
  const world = createWorld(1);
  const clocks = { offsetMs: 0, rate: 1, standsWhileFrozen: false };
  const network = {
    faults: NO_FAULTS,
    latencyMs: 0,
    lateMs: 1,
    hasFastReads: true,
    watches: "nothing",
    isUnchecked: false,
  } as const;
  const kv = connectProcess(world, createProcess(world, "p", clocks), {
    model: createKvModel(),
    network,
    onLanded: () => {},
    watchers: new Set(),
  });
  return {
    ...kv,
    atomic() {
      const atomic = kv.atomic();
      const commit = atomic.commit;
      atomic.commit = async () => {
        let isDone = false;
        const done = commit().finally(() => isDone = true);
        done.catch(() => {});
        await world.run(world.now() + 10, () => isDone);
        return await done;
      };
      return atomic;
    },
  };
}

type Operation =
  | { readonly kind: "get"; readonly key: KvKey }
  | { readonly kind: "getMany"; readonly keys: readonly KvKey[] }
  | {
    readonly kind: "list";
    readonly selector: KvSelector;
    readonly options: { limit?: number; reverse?: boolean };
  }
  | {
    readonly kind: "commit";
    /** `commit` is the number of the commit that last wrote the key; 0 for none. */
    readonly checks: readonly { key: KvKey; commit: number }[];
    readonly sets: readonly { key: KvKey; value: Uint8Array }[];
    readonly deletes: readonly KvKey[];
  };

function drawOperation(random: Random, commits: number): Operation {
  const several = <T>(most: number, draw: () => T) =>
    Array.from({ length: random.between(0, most) }, draw);
  const key = () => drawKey(random);
  switch (random.below(5)) {
    case 0:
      return { kind: "get", key: key() };
    case 1:
      return { kind: "getMany", keys: several(11, key) };
    case 2:
      return {
        kind: "list",
        selector: drawSelector(random),
        options: {
          ...random.chance(0.5) && { limit: random.between(1, 5) },
          ...random.chance(0.5) && { reverse: random.chance(0.5) },
        },
      };
    default:
      return {
        kind: "commit",
        checks: several(2, () => ({
          key: key(),
          commit: random.chance(0.5) ? 0 : random.between(1, commits),
        })),
        sets: several(3, () => ({ key: key(), value: drawValue(random) })),
        deletes: several(2, key),
      };
  }
}

const PARTS = [
  "",
  "a",
  "a\0",
  "a\0b",
  "ab",
  "é",
  "日本",
  "🙂",
  "\uffee",
  -1,
  0,
  1.25,
  1,
  -1.5,
  1_800_000_000_000,
  Infinity,
  false,
  true,
  new Uint8Array(),
  new Uint8Array([0, 255]),
];

function drawKey(random: Random): KvKey {
  if (random.chance(0.01)) return ["x".repeat(random.pick([2046, 2047]))];
  const length = random.between(1, 3);
  return Array.from({ length }, () => random.pick(PARTS));
}

function drawSelector(random: Random): KvSelector {
  const prefix = drawKey(random).slice(0, 2);
  const under = [...prefix, ...drawKey(random)];
  switch (random.below(4)) {
    case 0:
      return { prefix };
    case 1:
      return { prefix, start: under };
    case 2:
      return { prefix, end: under };
    default: {
      const ends = [drawKey(random), drawKey(random)];
      return { start: ends[0], end: ends[1] };
    }
  }
}

function drawValue(random: Random): Uint8Array {
  const length = random.chance(0.1)
    ? random.pick([65_535, 65_536, 65_537])
    : random.between(0, 9);
  return new Uint8Array(length).fill(random.below(256));
}

/** What came of an operation: entries, or how it failed. */
async function outcomeOf(
  operation: Operation,
  kv: KvLike,
  stamps: Map<string, number>,
  commit: number,
): Promise<unknown> {
  const tell = ({ key, value, versionstamp }: KvEntry) => [
    [...key],
    value instanceof Uint8Array ? `${value.length} ${value[0]}` : value,
    versionstamp === null ? null : stamps.get(versionstamp),
  ];
  try {
    switch (operation.kind) {
      case "get":
        return tell(await kv.get(operation.key));
      case "getMany":
        return (await kv.getMany(operation.keys)).map(tell);
      case "list": {
        const { selector, options } = operation;
        const found = [];
        for await (const entry of kv.list(selector, options)) {
          found.push(tell(entry));
        }
        return found;
      }
      case "commit": {
        const atomic = kv.atomic();
        for (const { key, commit } of operation.checks) {
          atomic.check({ key, versionstamp: stampOf(commit, stamps) });
        }
        for (const { key, value } of operation.sets) atomic.set(key, value);
        for (const key of operation.deletes) atomic.delete(key);
        const result = await atomic.commit();
        if (!result.ok) return "refused";
        stamps.set(result.versionstamp, commit);
        return "landed";
      }
    }
  } catch (error) {
    return (error as Error).name;
  }
}

function stampOf(commit: number, stamps: Map<string, number>): string | null {
  for (const [stamp, number] of stamps) if (number === commit) return stamp;
  return null;
}
