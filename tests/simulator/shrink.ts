/**
 * Makes a failing seed smaller: gives up whatever of its mix the failure does
 * not need. The mix shrinks, not the draws: a draw that is missing moves all
 * that come after it.
 */
import { type Mix, QUIET } from "./mix.ts";
import { simulateSeed, type Verdict } from "./simulate.ts";

type Json = Readonly<Record<string, unknown>>;
type Cut = (mix: Mix) => Mix;

/** Other seeds to try a smaller mix on, once it no longer fails on its own. */
const NEIGHBOURS = 100;

/** Finds the smallest mix that still breaks the same promise. */
export async function shrinkMix(failed: Verdict): Promise<Verdict> {
  const [broken] = failed.violations;
  let best = failed;
  const { kind: _, ...quiet } = QUIET as Mix & Json;
  const cuts: Cut[] = [
    (mix) => replaceAt(mix, ["network"], QUIET.network) as Mix,
    ...pathsOf(quiet).map(([path, value]): Cut => (mix) =>
      replaceAt(mix, path, value) as Mix
    ),
    ...failed.mix.kinds.map((kind): Cut => (mix) => withoutKind(mix, kind)),
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

/** What of a mix is not quiet, for a test that has it written out. */
export function differenceFrom(quiet: Json, mix: Json): Json {
  const different = Object.entries(mix).flatMap(([name, value]) => {
    const other = quiet[name];
    if (JSON.stringify(value) === JSON.stringify(other)) return [];
    return [[
      name,
      isBranch(value) ? differenceFrom(other as Json, value) : value,
    ]];
  });
  return Object.fromEntries(different);
}

function isBranch(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every value of a mix, with the way to it. */
function pathsOf(mix: Json): [path: string[], value: unknown][] {
  return Object.entries(mix).flatMap(([name, value]) =>
    isBranch(value)
      ? pathsOf(value).map(([path, value]): [string[], unknown] => [
        [name, ...path],
        value,
      ])
      : [[[name], value] as [string[], unknown]]
  );
}

function replaceAt(
  mix: unknown,
  path: readonly string[],
  value: unknown,
): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  const branch = mix as Json;
  return { ...branch, [name]: replaceAt(branch[name], rest, value) };
}

function withoutKind(mix: Mix, kind: string): Mix {
  const kinds = mix.kinds.filter((other) => other !== kind);
  return kinds.length === 0 ? mix : { ...mix, kinds };
}
