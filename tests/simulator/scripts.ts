/** The jobs that users have done: drawn from a seed. */
import type { Action } from "./actions.ts";
import { createDraw, type Plot, PLOTS } from "./plots.ts";
import type { Random } from "./random.ts";

/** A kind of job. */
export type ScriptKind = keyof typeof PLOTS;

/** Every kind of job. */
export const SCRIPT_KINDS = Object.keys(PLOTS) as ScriptKind[];

/** A job, as its tool will do it. */
export interface Script {
  readonly kind: ScriptKind;
  readonly actions: readonly Action[];
  /** How it must end, unless it is cancelled. */
  readonly end: "completed" | "failed";
  /** Bytes that its arguments carry beside. */
  readonly argsBytes: number;
  /** Whether its bodies stop when their signal is aborted. */
  readonly obeysSignal: boolean;
  /** Whether only the next release has its tool. */
  readonly isNew: boolean;
}

/** Draws a job. */
export function drawScript(
  random: Random,
  kind: ScriptKind,
  leaseMs: number,
  isNew: boolean,
): Script {
  const plot: Plot = PLOTS[kind];
  return {
    kind,
    actions: plot(createDraw(random, leaseMs)),
    end: FAILING.has(kind) ? "failed" : "completed",
    argsBytes: kind === "large values" && random.chance(0.5) ? 20_000 : 0,
    obeysSignal: random.chance(0.5),
    // What is to fail is left to the tools that soon do.
    isNew: isNew && !FAILING.has(kind),
  };
}

const FAILING: ReadonlySet<ScriptKind> = new Set([
  "misuse",
  "wrong value",
  "wrong result",
  "poison",
  "gives up",
]);

/** Kinds that kill their process. */
export const KILLING: ReadonlySet<ScriptKind> = new Set([
  "kills once",
  "poison",
]);

/** Attempts of the tool for jobs that are to fail. */
export const BRITTLE_ATTEMPTS = 3;

/** How often each thing is done where nothing goes wrong. */
export function expectedTimes(
  { actions, kind }: Script,
): Map<string, number> {
  const times = new Map<string, number>();
  const expect = (action: Action): void => {
    switch (action.do) {
      case "step":
        times.set(action.name, action.failures + action.hangs + 1);
        break;
      case "exhaust":
        times.set(action.name, action.attempts);
        break;
      case "saga":
      case "misuse":
        times.set(action.name, 1);
        break;
      case "together":
        action.branches.flat().forEach(expect);
        break;
      case "await late":
        [action.first, action.second].forEach(expect);
        break;
      case "throw":
        times.set(action.name, Math.min(action.times + 1, BRITTLE_ATTEMPTS));
        break;
    }
  };
  actions.forEach(expect);
  // A step's own tries cost the job no attempt.
  if (kind === "time-out") times.set("run", 1);
  // The loser of a race may never begin, and failures of others stop a step.
  if (kind === "late await") times.clear();
  return times;
}
