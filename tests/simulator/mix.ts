/** What a seed draws: which faults and which jobs its world has, and how many. */
import type { KvFaults, KvNetwork } from "./kv_shared.ts";
import type { Random } from "./random.ts";
import { KILLING, SCRIPT_KINDS, type ScriptKind } from "./scripts.ts";

/**
 * How a mix is drawn.
 *
 * - `swarm`: each seed draws which faults and which jobs exist at all, then how
 *   strong. What never meets in a full mix meets here.
 * - `everything`: all of them at once.
 * - `calm`: nothing goes wrong. Then all that is done is done exactly as often
 *   as the script says.
 * - `beyond`: outside of what is promised (clocks that run at speeds of their
 *   own, a store that is slower than a lease). Nothing accepted may be lost, no
 *   job may end twice and no kept value be replaced; more is not asked.
 */
export type MixKind = "swarm" | "everything" | "calm" | "beyond";

/** A world's faults and load; times are in milliseconds. */
export interface Mix {
  readonly kind: MixKind;
  /** Instances that run at once. */
  readonly instances: number;
  readonly leaseMs: number;
  /** Jobs that an instance runs at once. */
  readonly concurrency: number;
  /** Jobs of one client that an instance runs at once. */
  readonly maxRunning: number;
  readonly maxUnfinished: number;
  readonly retentionMs: number;
  /** Whether instances drive themselves; else somebody calls `work`. */
  readonly drives: boolean;
  /** How long a job may take before it gives way. */
  readonly sliceMs: number;
  readonly clients: number;
  readonly jobs: number;
  /** Within which time all jobs are started. */
  readonly startsMs: number;
  /** Chance that a start is sent from a second place as well. */
  readonly repeats: number;
  readonly cancels: number;
  /** Chance that a client lists its jobs now and then. */
  readonly lists: number;
  readonly kinds: readonly ScriptKind[];
  readonly network: KvNetwork;
  readonly freezes: number;
  readonly crashes: number;
  readonly stops: number;
  /** How long what runs may still take when its instance stops. */
  readonly graceMs: number;
  readonly jumps: number;
  /** Rolling deployments of a new release. */
  readonly deployments: number;
  /** How far wall clocks are apart. */
  readonly skewMs: number;
  /** How far the speeds of monotonic clocks are apart: 0.1 is a tenth. */
  readonly drift: number;
  /** Whether monotonic clocks stand while their process is frozen. */
  readonly standsWhileFrozen: boolean;
  /** How long things go wrong. */
  readonly chaosMs: number;
  /** How long a client waits for an answer before it asks elsewhere. */
  readonly giveUpMs: number;
}

/** More than clocks are ever apart. */
export const CLOCKS_APART_MS = 1_000_000;

/** A store that always answers. */
export const NO_FAULTS: KvFaults = {
  refused: 0,
  locked: 0,
  landedAndFailed: 0,
  late: 0,
  hanging: 0,
  unread: 0,
};

/** A world where nothing goes wrong, and little happens. */
export const QUIET: Mix = {
  kind: "swarm",
  instances: 2,
  leaseMs: 1000,
  concurrency: 4,
  maxRunning: 4,
  maxUnfinished: 100,
  retentionMs: 1_100_000,
  drives: true,
  sliceMs: Infinity,
  clients: 1,
  jobs: 1,
  startsMs: 3000,
  repeats: 0,
  cancels: 0,
  lists: 0,
  kinds: ["steps"],
  network: {
    faults: NO_FAULTS,
    latencyMs: 0,
    lateMs: 50,
    hasFastReads: true,
    watches: "nothing",
    isUnchecked: false,
  },
  freezes: 0,
  crashes: 0,
  stops: 0,
  graceMs: 4000,
  jumps: 0,
  deployments: 0,
  skewMs: 0,
  drift: 0,
  standsWhileFrozen: false,
  chaosMs: 5000,
  giveUpMs: 3000,
};

/** Of a hundred seeds, how many are of which kind. */
const SHARE: readonly [MixKind, number][] = [
  ["swarm", 55],
  ["everything", 27],
  ["calm", 8],
  ["beyond", 10],
];

/** Draws a mix. */
export function drawMix(random: Random): Mix {
  const drawn = random.below(100);
  let until = 0;
  const [kind] = SHARE.find(([, share]) => drawn < (until += share)) ??
    SHARE[0];
  const leaseMs = random.pick([300, 1000, 3000]);
  const chaosMs = leaseMs * random.between(3, 10);
  const isSwarm = kind === "swarm";
  /** In a swarm something exists in a part of the seeds only. */
  const exists = (share: number) => !isSwarm || random.chance(share);
  /** Of what goes wrong there is nothing where all is calm. */
  const befalls = (share: number) => kind !== "calm" && exists(share);
  const count = (share: number, most: number) =>
    befalls(share) ? random.between(1, most) : 0;
  const kinds = SCRIPT_KINDS.filter((name) =>
    (!isSwarm || random.chance(0.25)) &&
    (kind !== "calm" || !KILLING.has(name))
  );
  return {
    kind,
    instances: random.between(2, 3),
    leaseMs,
    concurrency: random.pick([1, 2, 4]),
    maxRunning: random.pick([1, 4]),
    maxUnfinished: random.chance(0.2) ? random.between(1, 2) : 100,
    // Clocks that disagree must not agree that a job is old.
    retentionMs: leaseMs * random.between(100, 200) + CLOCKS_APART_MS,
    drives: random.chance(0.7),
    sliceMs: random.chance(0.2) ? leaseMs * random.between(1, 3) : Infinity,
    clients: random.between(1, 2),
    jobs: random.between(1, 4),
    startsMs: random.chance(0.3) ? 20 : chaosMs * 0.7,
    repeats: exists(0.5) ? 0.5 : 0,
    cancels: exists(0.4) ? 0.3 : 0,
    lists: exists(0.3) ? 0.5 : 0,
    kinds: kinds.length === 0 ? ["steps"] : kinds,
    network: drawNetwork(random, kind, leaseMs, befalls),
    freezes: count(0.5, 3),
    crashes: count(0.5, 3),
    stops: count(0.3, 2),
    graceMs: random.pick([0, 4000]),
    jumps: count(0.2, 2),
    deployments: count(0.15, 1),
    skewMs: drawSkew(random, exists),
    drift: kind === "beyond" ? random.pick([0, 0.3]) : 0,
    standsWhileFrozen: kind === "beyond" && random.chance(0.5),
    giveUpMs: leaseMs * (kind === "beyond" ? 20 : 3),
    chaosMs,
  };
}

/** Wall clocks may disagree by minutes: nothing may hang on them. */
function drawSkew(
  random: Random,
  exists: (share: number) => boolean,
): number {
  return exists(0.4) ? random.pick([100, 10_000, 300_000]) : 0;
}

function drawNetwork(
  random: Random,
  kind: MixKind,
  leaseMs: number,
  befalls: (share: number) => boolean,
): KvNetwork {
  const often = (share: number, most: number) =>
    befalls(share) ? most * random.number() : 0;
  const eighth = Math.floor(leaseMs / 8);
  return {
    faults: {
      refused: often(0.3, 0.2),
      locked: often(0.3, 0.3),
      landedAndFailed: often(0.4, 0.3),
      late: often(0.3, 0.2),
      hanging: often(0.15, 0.03),
      unread: often(0.2, 0.1),
    },
    latencyMs: kind === "beyond"
      ? random.pick([eighth, leaseMs])
      : random.pick([0, 2, 20, eighth]),
    lateMs: random.pick([50, 2 * leaseMs]),
    hasFastReads: kind !== "everything" && random.chance(0.5),
    watches: random.pick(["nothing", "own", "all"]),
    isUnchecked: false,
  };
}
