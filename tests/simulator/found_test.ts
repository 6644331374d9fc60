/**
 * Worlds in which a promise was broken once: by the engine as it then was, or
 * by one from which the line that keeps the promise had been taken away. Each
 * has its mix written out; a bare seed dies with the next change of the mixes.
 */
import { assertEquals } from "@std/assert";
import { type Mix, NO_FAULTS, QUIET } from "./mix.ts";
import { simulateSeed } from "./simulate.ts";

interface Found {
  /** What was broken. */
  readonly what: string;
  readonly seed: number;
  /** What of the world is not quiet. */
  readonly mix: Partial<Mix>;
}

const FOUND: readonly Found[] = [
  {
    what: "a worker that was frozen began a tool whose lease was gone",
    seed: 311049,
    mix: {
      jobs: 2,
      repeats: 0.5,
      network: { ...QUIET.network, latencyMs: 125 },
      freezes: 2,
      deployments: 1,
      chaosMs: 7000,
    },
  },
  {
    what: "an answer replaced the silence that had been taken for one",
    seed: 627029,
    mix: { kinds: ["questions"], skewMs: 300_000 },
  },
  {
    what: "an accepted start was refused for its own nonce",
    seed: 41008,
    mix: {
      concurrency: 1,
      jobs: 4,
      repeats: 0.5,
      network: {
        ...QUIET.network,
        faults: {
          ...NO_FAULTS,
          landedAndFailed: 0.2544221802614629,
          unread: 0.06721752379089595,
        },
      },
      crashes: 2,
      jumps: 2,
    },
  },
  {
    what: "a lease was taken over by the wall clock",
    seed: 3002,
    mix: { kind: "everything", skewMs: 10_000 },
  },
  {
    what: "a failure that a tool had gone on from was forgotten",
    seed: 70014,
    mix: { kinds: ["saga"] },
  },
  {
    what: "progress told just before a sleep was lost",
    seed: 32006,
    mix: { kinds: ["progress"] },
  },
  {
    what: "a job that had killed its process took others along",
    seed: 93002,
    mix: { jobs: 4, kinds: ["poison"] },
  },
  {
    what: "a lost lease was renewed for ever",
    seed: 14075,
    mix: {
      kind: "everything",
      leaseMs: 3000,
      lists: 0.5,
      kinds: ["time-out", "exhaustion", "saga"],
      freezes: 3,
      crashes: 1,
      stops: 2,
      jumps: 2,
    },
  },
  {
    what: "a step longer than a lease was begun again",
    seed: 102028,
    mix: { kind: "calm", kinds: ["time-out"] },
  },
  {
    what: "two starts took one place among a client's unfinished jobs",
    seed: 19004,
    mix: {
      maxUnfinished: 1,
      jobs: 4,
      network: { ...QUIET.network, latencyMs: 20 },
    },
  },
  {
    what: "a kept step was begun again in a second run",
    seed: 2004,
    mix: { kind: "everything", deployments: 1 },
  },
  {
    what: "a sleep within a step was not refused",
    seed: 19003,
    mix: { kinds: ["misuse"] },
  },
  {
    what: "a value that is not JSON was taken for kept",
    seed: 6010,
    mix: { kinds: ["wrong value"] },
  },
  {
    what: "a late commit replaced a kept value",
    seed: 1009,
    mix: {
      kind: "everything",
      network: { ...QUIET.network, faults: { ...NO_FAULTS, late: 0.12 } },
    },
  },
  {
    what: "slots were not given back",
    seed: 9089,
    mix: { jobs: 4, kinds: ["gives up"] },
  },
];

for (const { what, seed, mix } of FOUND) {
  Deno.test(`no more: ${what}`, async () => {
    const { violations } = await simulateSeed(seed, { ...QUIET, ...mix });
    assertEquals([...violations], []);
  });
}
