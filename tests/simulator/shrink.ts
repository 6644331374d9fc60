/**
 * Makes a failing seed smaller: takes away from its mix what the failure does
 * not need. The mix shrinks, not the draws: a draw that is missing moves all
 * that come after it.
 */
import { type Mix, NO_FAULTS } from "./mix.ts";
import { simulateSeed, type Verdict } from "./simulate.ts";

type Cut = (mix: Mix) => Mix;

/** Other seeds to try a smaller mix on, once it no longer fails on its own. */
const NEIGHBOURS = 100;

const CUTS: readonly Cut[] = [
  (mix) => ({ ...mix, network: { ...mix.network, faults: NO_FAULTS } }),
  ...(Object.keys(NO_FAULTS) as (keyof typeof NO_FAULTS)[]).map(
    (fault): Cut => (mix) => ({
      ...mix,
      network: {
        ...mix.network,
        faults: { ...mix.network.faults, [fault]: 0 },
      },
    }),
  ),
  (mix) => ({ ...mix, deployments: 0 }),
  (mix) => ({ ...mix, crashes: 0 }),
  (mix) => ({ ...mix, stops: 0 }),
  (mix) => ({ ...mix, freezes: 0 }),
  (mix) => ({ ...mix, freezes: Math.min(1, mix.freezes) }),
  (mix) => ({ ...mix, jumps: 0 }),
  (mix) => ({ ...mix, skewMs: 0 }),
  (mix) => ({ ...mix, repeats: 0 }),
  (mix) => ({ ...mix, cancels: 0 }),
  (mix) => ({ ...mix, lists: 0 }),
  (mix) => ({ ...mix, sliceMs: Infinity }),
  (mix) => ({ ...mix, jobs: 1 }),
  (mix) => ({ ...mix, jobs: Math.min(2, mix.jobs) }),
  (mix) => ({ ...mix, instances: 2 }),
  (mix) => ({ ...mix, kinds: ["steps"] }),
  (mix) => ({ ...mix, network: { ...mix.network, latencyMs: 0 } }),
  (mix) => ({ ...mix, network: { ...mix.network, hasFastReads: true } }),
  (mix) => ({ ...mix, network: { ...mix.network, watches: "nothing" } }),
];

/** Finds the smallest mix that still breaks the same promise. */
export async function shrinkMix(failed: Verdict): Promise<Verdict> {
  const [broken] = failed.violations;
  let best = failed;
  const cuts = [
    ...CUTS,
    ...failed.mix.kinds.map((kind): Cut => (mix) => {
      const kinds = mix.kinds.filter((other) => other !== kind);
      return kinds.length === 0 ? mix : { ...mix, kinds };
    }),
  ];
  for (const cut of cuts) {
    const mix = cut(best.mix);
    if (JSON.stringify(mix) === JSON.stringify(best.mix)) continue;
    for (let i = 0; i <= NEIGHBOURS; i++) {
      const seed = i === 0 ? best.seed : failed.seed * 1000 + i;
      const verdict = await simulateSeed(seed, mix);
      if (!verdict.violations.has(broken)) continue;
      best = verdict;
      break;
    }
  }
  return best;
}
