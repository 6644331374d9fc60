/** Many seeds, one after another: what they broke, and what they reached. */
import type { Mix } from "./mix.ts";
import { simulateSeed, type Verdict } from "./simulate.ts";

/** What many seeds came to. */
export interface Campaign {
  readonly seeds: number;
  /** Seeds by what they broke. */
  readonly broken: ReadonlyMap<string, readonly number[]>;
  /** How many seeds reached what. */
  readonly reached: ReadonlyMap<string, number>;
  readonly events: number;
  /** Virtual milliseconds. */
  readonly lastedMs: number;
  /** Bytes that a seed leaves behind; `undefined` where none can be told. */
  readonly leakedBytes: number | undefined;
}

/** What a campaign runs. */
export interface CampaignOptions {
  readonly from: number;
  readonly seeds: number;
  /** Instead of what each seed draws. */
  readonly mixOf?: ((seed: number) => Mix) | undefined;
  /** Told of every seed that broke something. */
  onBroken?(verdict: Verdict): void;
}

/**
 * What must happen in some seeds of very many; where it never does, the seeds
 * test less than they seem to.
 */
export const SOMETIMES: readonly string[] = [
  "a freeze",
  "a crash",
  "an orderly stop",
  "a clock set",
  "a deployment",
  "a commit landed, and its answer was lost",
  "a commit landed late",
  "a commit hung",
  "a lease was taken over",
  "a job was suspended",
  "a job was run again",
  "a job was run a third time",
  "a body was begun again",
  "a start was sent again",
  "a start was answered with its end",
  "a list was walked through",
  "an answer was taken",
  "a job was woken where all is well",
  "ended completed",
  "ended failed",
  "ended cancelled",
];

/** Seeds after which everything that is made once has been made. */
const WARM_UP = 1000;

/** Runs a campaign. */
export async function runCampaign(
  { from, seeds, mixOf, onBroken }: CampaignOptions,
): Promise<Campaign> {
  const broken = new Map<string, number[]>();
  const reached = new Map<string, number>();
  let events = 0;
  let lastedMs = 0;
  let heap: number | undefined;
  for (let done = 0; done < seeds; done++) {
    if (done === WARM_UP) heap = heapBytes();
    const seed = from + done;
    const verdict = await simulateSeed(seed, mixOf?.(seed));
    events += verdict.events;
    lastedMs += verdict.lastedMs;
    for (const what of verdict.reached) {
      reached.set(what, (reached.get(what) ?? 0) + 1);
    }
    for (const what of verdict.violations) {
      const others = broken.get(what);
      if (others) others.push(seed);
      else broken.set(what, [seed]);
    }
    if (verdict.violations.size > 0) onBroken?.(verdict);
  }
  const heapNow = heapBytes();
  const leakedBytes = heap === undefined || heapNow === undefined
    ? undefined
    : (heapNow - heap) / (seeds - WARM_UP);
  return { seeds, broken, reached, events, lastedMs, leakedBytes };
}

/** What is in use once all garbage is gone; needs `--v8-flags=--expose-gc`. */
function heapBytes(): number | undefined {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) return undefined;
  gc();
  gc(); // what finalizers let go of
  return Deno.memoryUsage().heapUsed;
}
