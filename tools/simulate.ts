/**
 * Runs the job engine through simulated worlds, one a seed: `deno task simulate`.
 *
 * - `--seeds N` says how many (default 2,000), `--from S` with which they begin
 *   (default 1).
 * - `--seed S` runs one, and prints what happened in it.
 * - `--shrink` then takes away what its failure does not need.
 *
 * Exits with 1 if a promise was broken, or something never happened that must
 * happen sometimes.
 */
import { parseArgs } from "node:util";
import {
  type Campaign,
  runCampaign,
  SOMETIMES,
} from "../tests/simulator/campaign.ts";
import { QUIET } from "../tests/simulator/mix.ts";
import { differenceFrom, shrinkMix } from "../tests/simulator/shrink.ts";
import { simulateSeed, type Verdict } from "../tests/simulator/simulate.ts";

/** Failing seeds whose story is printed. */
const TOLD = 3;
const LAST_LINES = 60;
/** Fewer seeds than this may well miss what is rare. */
const MANY = 2000;
/** What a seed may leave behind: less than one job's closure in some signal. */
const LEAK_BYTES = 4000;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: String(MANY) },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    shrink: { type: "boolean", default: false },
  },
});
const isFine = values.seed === undefined
  ? await runMany(Number(values.from), Number(values.seeds))
  : await runOne(Number(values.seed), values.shrink);
Deno.exit(isFine ? 0 : 1);

async function runOne(seed: number, shrinks: boolean): Promise<boolean> {
  const verdict = await simulateSeed(seed);
  if (!shrinks || verdict.violations.size === 0) {
    tell(verdict, Infinity);
    return verdict.violations.size === 0;
  }
  const shrunk = await shrinkMix(verdict);
  tell(shrunk, Infinity);
  const different = differenceFrom({ ...QUIET }, { ...shrunk.mix });
  console.log(`seed ${shrunk.seed}, quiet but for`, different);
  return false;
}

async function runMany(from: number, seeds: number): Promise<boolean> {
  let told = 0;
  const began = performance.now();
  const campaign = await runCampaign({
    from,
    seeds,
    onBroken(verdict) {
      if (told++ < TOLD) tell(verdict, LAST_LINES);
    },
  });
  const seconds = (performance.now() - began) / 1000;
  const { broken, leakedBytes } = campaign;
  report(campaign, seconds);
  for (const [what, found] of broken) {
    const some = found.slice(0, 5).join(", ");
    console.log(`BROKEN in ${found.length} seeds (${some}): ${what}`);
  }
  const missed = seeds < MANY
    ? []
    : SOMETIMES.filter((what) => !campaign.reached.has(what));
  for (const what of missed) console.log(`NEVER: ${what}`);
  const leaks = seeds >= MANY && (leakedBytes ?? 0) > LEAK_BYTES;
  if (leaks) console.log(`LEAK: a seed leaves ${leakedBytes} bytes behind`);
  const again = await replays(from);
  if (!again) {
    console.log(`UNSTABLE: seed ${from} is not the same when run again`);
  }
  return broken.size === 0 && missed.length === 0 && !leaks && again;
}

/** One seed run again is the same, whatever ran between. */
async function replays(seed: number): Promise<boolean> {
  const [one, other] = [await simulateSeed(seed), await simulateSeed(seed)];
  return one.hash === other.hash;
}

function report(
  { seeds, events, lastedMs, reached, leakedBytes }: Campaign,
  seconds: number,
): void {
  const leaves = leakedBytes === undefined
    ? ""
    : `; ${Math.round(leakedBytes)} bytes left behind each`;
  console.log(
    `${seeds} seeds in ${seconds.toFixed(1)} s, ` +
      `${Math.round(seeds / seconds)} a second: ` +
      `${Math.round(events / seeds)} events and ` +
      `${Math.round(lastedMs / seeds / 1000)} virtual seconds each${leaves}`,
  );
  const sorted = [...reached].sort(([, a], [, b]) => b - a);
  console.log(
    `reached: ${sorted.map(([what, times]) => `${what} ${times}`).join("; ")}`,
  );
}

function tell({ seed, trace, violations, mix }: Verdict, lines: number): void {
  console.log(`\nseed ${seed} (${mix.kind}):`);
  for (const line of trace.slice(-lines)) console.log(line);
  for (const what of violations) console.log(`  broken: ${what}`);
  console.log(`  to see it again: deno task simulate --seed ${seed}\n`);
}
