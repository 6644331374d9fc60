/** Every kind of job, and how one is drawn. */
import type { Action, ActionOf } from "./actions.ts";
import type { Random } from "./random.ts";

/** Draws actions, each with a name of its own. */
export interface Draw {
  readonly random: Random;
  readonly leaseMs: number;
  name(word: string): string;
  step(more?: Partial<ActionOf<"step">>): ActionOf<"step">;
  steps(most: number): Action[];
  sleep(): Action;
  wait(): Action;
  /** Once or twice. */
  few(): number;
}

/** Begins to draw the actions of a job. */
export function createDraw(random: Random, leaseMs: number): Draw {
  let count = 0;
  const name = (word: string) => `${word} ${++count}`;
  const bodyMs = () =>
    random.pick([0, 0, 5, leaseMs / 4, leaseMs * 0.8, leaseMs * 1.5]);
  const step: Draw["step"] = (more) => ({
    do: "step",
    name: name("step"),
    ms: bodyMs(),
    value: "small",
    failures: 0,
    hangs: 0,
    options: undefined,
    ...more,
  });
  return {
    random,
    leaseMs,
    name,
    step,
    steps: (most) =>
      Array.from({ length: random.between(1, most) }, () => step()),
    // Short ones keep the instance, long ones give the job up.
    sleep: () => ({
      do: "sleep",
      name: name("nap"),
      ms: random.pick([1, 500, 1500, leaseMs * 2]),
    }),
    wait: () => ({
      do: "wait",
      ms: random.pick([0, 1, leaseMs / 3, leaseMs]),
    }),
    few: () => random.between(1, 2),
  };
}

/** What a kind of job does. */
export type Plot = (draw: Draw) => Action[];

/** Every kind of job, by its name. */
export const PLOTS = {
  "steps": (draw) => draw.steps(4),
  "gaps": (draw) => draw.steps(3).flatMap((action) => [action, draw.wait()]),
  "sleeps": (draw) => draw.steps(3).flatMap((action) => [action, draw.sleep()]),
  "failures": (draw) => [
    draw.step({ failures: draw.few() }),
    { do: "throw", name: draw.name("throw"), times: draw.few() },
    draw.step(),
  ],
  "branches": (draw) => [
    {
      do: "together",
      branches: [draw.steps(3), [draw.wait(), ...draw.steps(2)]],
    },
    draw.step(),
  ],
  "sleeping branches": (draw) => [
    {
      do: "together",
      branches: [[draw.sleep(), draw.step()], [
        draw.step(),
        draw.sleep(),
        draw.step(),
      ]],
    },
    draw.step(),
  ],
  "race": (
    draw,
  ) => [{ do: "race", step: draw.step(), sleep: draw.sleep() }, draw.step()],
  "questions": (draw) => [
    draw.step(),
    { do: "ask", name: draw.name("ask"), withinMs: draw.leaseMs * 60 },
    draw.step(),
  ],
  "progress": (draw) =>
    draw.steps(3).flatMap((action, i): Action[] => [
      { do: "progress", fraction: (i + 1) / 4 },
      draw.random.chance(0.5) ? action : draw.sleep(),
    ]),
  "large values": (
    draw,
  ) => [
    draw.step({ value: "large" }),
    draw.step(),
    draw.step({ value: "large" }),
  ],
  "tries": (draw) => {
    const backoffMs = draw.random.pick([10, 4000]);
    const options = { attempts: 3, backoffMs };
    return [draw.step({ failures: draw.few(), options }), draw.step()];
  },
  "time-out": (draw) => {
    const options = { attempts: 4, backoffMs: 10, timeoutMs: 2 * draw.leaseMs };
    return [draw.step({ hangs: draw.few(), options }), draw.step()];
  },
  "exhaustion": (draw) => [
    draw.step(),
    {
      do: "exhaust",
      name: draw.name("exhaust"),
      attempts: draw.random.between(1, 3),
    },
    ...(draw.random.chance(0.5) ? [draw.sleep()] : []),
    draw.step(),
  ],
  "saga": (draw) => [
    draw.step(),
    { do: "saga", name: draw.name("saga"), ms: draw.random.pick([0, 5]) },
    ...(draw.random.chance(0.5) ? [draw.sleep()] : []),
    draw.step(),
  ],
  "misuse": (draw) => {
    const inner = draw.random.pick(["sleep", "ask", "step"] as const);
    return [draw.step(), { do: "misuse", name: draw.name("misuse"), inner }];
  },
  "wrong value": (draw) => {
    const value = draw.random.pick(["huge", "date", "bigint"] as const);
    return [draw.step(), draw.step({ value })];
  },
  "wrong result": (draw) => [draw.step(), { do: "return wrongly" }],
  "kills once": (draw) => [
    ...draw.steps(2),
    { do: "kill", name: draw.name("kill"), times: draw.few() },
    draw.step(),
  ],
  "poison": (
    draw,
  ) => [draw.step(), { do: "kill", name: draw.name("kill"), times: Infinity }],
  "gives up": (draw) => [draw.step(), {
    do: "throw",
    name: draw.name("throw"),
    times: Infinity,
  }],
  "late await": (draw) => [
    {
      do: "await late",
      first: draw.step({ failures: 1 }),
      second: draw.step(),
    },
    draw.step(),
  ],
  "stray branch": (draw) => [
    { do: "stray", name: draw.name("stray"), ms: draw.leaseMs * 8 },
    draw.step(),
    draw.sleep(),
    draw.step(),
  ],
} as const satisfies Record<string, Plot>;
