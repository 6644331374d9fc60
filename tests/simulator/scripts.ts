/** The jobs that users write: what their tools do, drawn from a seed. */
import type { StepOptions } from "../../src/tool/tool.ts";
import type { Random } from "./random.ts";

/** What a step's body gives back. */
export type ValueKind = "small" | "large" | "huge" | "date" | "bigint";

/** One thing that a tool does; times are in milliseconds. */
export type Action =
  | {
    readonly do: "step";
    readonly name: string;
    readonly ms: number;
    readonly value: ValueKind;
    /** How often its body throws before it succeeds. */
    readonly failures: number;
    /** How often it hangs before that. */
    readonly hangs: number;
    readonly options: StepOptions | undefined;
  }
  /** A step that fails as often as it may, which the tool catches. */
  | { readonly do: "exhaust"; readonly name: string; readonly attempts: number }
  /** A step that fails for good, which the tool catches and makes up for. */
  | { readonly do: "saga"; readonly name: string; readonly ms: number }
  /** Work outside of any step. */
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "sleep"; readonly name: string; readonly ms: number }
  | {
    readonly do: "together";
    readonly branches: readonly (readonly Action[])[];
  }
  /** A step with a sleep as its time-out. */
  | {
    readonly do: "race";
    readonly step: Action;
    readonly sleep: Action;
  }
  | { readonly do: "ask"; readonly name: string; readonly withinMs: number }
  | { readonly do: "progress"; readonly fraction: number }
  /** Throws, the first so many times that it is reached. */
  | { readonly do: "throw"; readonly name: string; readonly times: number }
  /** Kills its process, the first so many times that it is reached. */
  | { readonly do: "kill"; readonly name: string; readonly times: number }
  /** Calls the context from within a step. */
  | {
    readonly do: "misuse";
    readonly name: string;
    readonly inner: "sleep" | "ask" | "step";
  }
  /** Awaits the first of two steps, which fails, after the second. */
  | {
    readonly do: "await late";
    readonly first: Action & { readonly do: "step" };
    readonly second: Action & { readonly do: "step" };
  }
  /** A branch that nobody awaits. */
  | { readonly do: "stray"; readonly name: string; readonly ms: number }
  /** Gives back what no schema takes. */
  | { readonly do: "return wrongly" };

/** Every kind of job. */
export const SCRIPT_KINDS = [
  "steps",
  "gaps",
  "sleeps",
  "failures",
  "branches",
  "sleeping branches",
  "race",
  "questions",
  "progress",
  "large values",
  "tries",
  "time-out",
  "exhaustion",
  "saga",
  "misuse",
  "wrong value",
  "wrong result",
  "kills once",
  "poison",
  "gives up",
  "late await",
  "stray branch",
] as const;

/** A kind of job. */
export type ScriptKind = typeof SCRIPT_KINDS[number];

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
  return {
    kind,
    actions: drawActions(random, kind, leaseMs),
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

/** Makes actions with names of their own. */
function createDraw(random: Random, leaseMs: number) {
  let count = 0;
  const name = (word: string) => `${word} ${++count}`;
  const bodyMs = () =>
    random.pick([0, 0, 5, leaseMs / 4, leaseMs * 0.8, leaseMs * 1.5]);
  function step(
    more: {
      value?: ValueKind;
      failures?: number;
      hangs?: number;
      options?: StepOptions;
    } = {},
  ): Action & { do: "step" } {
    const { value = "small", failures = 0, hangs = 0, options } = more;
    return {
      do: "step",
      name: name("step"),
      ms: bodyMs(),
      ...{ value, failures, hangs, options },
    };
  }
  return {
    name,
    step,
    steps: (most: number) =>
      Array.from({ length: random.between(1, most) }, () => step()),
    // Short ones keep the instance, long ones give the job up.
    sleep: (): Action => ({
      do: "sleep",
      name: name("nap"),
      ms: random.pick([1, 500, 1500, leaseMs * 2]),
    }),
    wait: (): Action => ({
      do: "wait",
      ms: random.pick([0, 1, leaseMs / 3, leaseMs]),
    }),
  };
}

function drawActions(
  random: Random,
  kind: ScriptKind,
  leaseMs: number,
): readonly Action[] {
  const { name, step, steps, sleep, wait } = createDraw(random, leaseMs);
  const few = () => random.between(1, 2);
  switch (kind) {
    case "steps":
      return steps(4);
    case "gaps":
      return steps(3).flatMap((action) => [action, wait()]);
    case "sleeps":
      return steps(3).flatMap((action) => [action, sleep()]);
    case "failures":
      return [
        step({ failures: few() }),
        { do: "throw", name: name("throw"), times: few() },
        step(),
      ];
    case "branches":
      return [
        { do: "together", branches: [steps(3), [wait(), ...steps(2)]] },
        step(),
      ];
    case "sleeping branches":
      return [
        {
          do: "together",
          branches: [[sleep(), step()], [step(), sleep(), step()]],
        },
        step(),
      ];
    case "race":
      return [{ do: "race", step: step(), sleep: sleep() }, step()];
    case "questions":
      return [
        step(),
        { do: "ask", name: name("ask"), withinMs: leaseMs * 60 },
        step(),
      ];
    case "progress":
      return steps(3).flatMap((action, i): Action[] => [
        { do: "progress", fraction: (i + 1) / 4 },
        random.chance(0.5) ? action : sleep(),
      ]);
    case "large values":
      return [step({ value: "large" }), step(), step({ value: "large" })];
    case "tries": {
      const backoffMs = random.pick([10, 4000]);
      const options = { attempts: 3, backoffMs };
      return [step({ failures: few(), options }), step()];
    }
    case "time-out": {
      const options = { attempts: 4, backoffMs: 10, timeoutMs: 2 * leaseMs };
      return [step({ hangs: few(), options }), step()];
    }
    case "exhaustion":
      return [
        step(),
        {
          do: "exhaust",
          name: name("exhaust"),
          attempts: random.between(1, 3),
        },
        ...(random.chance(0.5) ? [sleep()] : []),
        step(),
      ];
    case "saga":
      return [
        step(),
        { do: "saga", name: name("saga"), ms: random.pick([0, 5]) },
        ...(random.chance(0.5) ? [sleep()] : []),
        step(),
      ];
    case "misuse": {
      const inner = random.pick(["sleep", "ask", "step"] as const);
      return [step(), { do: "misuse", name: name("misuse"), inner }];
    }
    case "wrong value": {
      const value = random.pick(["huge", "date", "bigint"] as const);
      return [step(), step({ value })];
    }
    case "wrong result":
      return [step(), { do: "return wrongly" }];
    case "kills once":
      return [
        ...steps(2),
        { do: "kill", name: name("kill"), times: few() },
        step(),
      ];
    case "poison":
      return [step(), { do: "kill", name: name("kill"), times: Infinity }];
    case "gives up":
      return [step(), {
        do: "throw",
        name: name("throw"),
        times: Infinity,
      }];
    case "late await":
      return [
        {
          do: "await late",
          first: step({ failures: 1 }),
          second: step(),
        },
        step(),
      ];
    case "stray branch":
      return [
        { do: "stray", name: name("stray"), ms: leaseMs * 8 },
        step(),
        sleep(),
        step(),
      ];
  }
}

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
