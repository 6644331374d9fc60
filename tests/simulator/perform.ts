/** Does what a script says, as the tool of a user would. */
import { TerminalError, ToolError } from "../../src/errors.ts";
import { type } from "../../src/tool/schema.ts";
import type { JobContext, StepScope } from "../../src/tool/context.ts";
import { pauseIn } from "./process.ts";
import type { Run, RunBook } from "./runs.ts";
import type { Action, ActionOf, ValueKind } from "./actions.ts";

/** What a script's run has at hand. */
export interface Stage {
  readonly run: Run;
  readonly book: RunBook;
  readonly context: JobContext;
}

/** What came of an action: the mark of each kept value, by name. */
export type Marks = readonly (readonly [name: string, mark: string])[];

const LARGE = "x".repeat(20_000);
/** More than the simulator's instances keep. */
const HUGE = "x".repeat(120_000);
const STRAY_EVERY_MS = 50;

const form = type({ say: "string" });

/** Does several actions, one after another. */
export async function performAll(
  actions: readonly Action[],
  stage: Stage,
): Promise<Marks> {
  const marks: Marks[] = [];
  for (const action of actions) marks.push(await perform(action, stage));
  return marks.flat();
}

async function perform(action: Action, stage: Stage): Promise<Marks> {
  const { run, book, context } = stage;
  switch (action.do) {
    case "step":
      return await performStep(action, stage);
    case "saga":
      return await performSaga(action, stage);
    case "exhaust":
      return await performExhaust(action, stage);
    case "wait":
      await pauseIn(run.process, action.ms, context.signal);
      return [];
    case "sleep":
      await context.sleep(action.ms, action.name);
      return [];
    case "together":
      return (await Promise.all(
        action.branches.map((branch) => performAll(branch, stage)),
      )).flat();
    case "race":
      // Which of them wins may differ from run to run: neither is told.
      await Promise.race([
        perform(action.step, stage),
        perform(action.sleep, stage),
      ]);
      return [];
    case "ask":
      return await performAsk(action, stage);
    case "progress":
      context.progress(action.fraction, "Getting on");
      if (run.claim === run.facts.claims) run.facts.progress = action.fraction;
      return [];
    case "throw":
      if (book.count(run, action.name) > action.times) return [];
      throw new Error(`Planned: ${action.name}`);
    case "kill":
      if (book.count(run, action.name) > action.times) return [];
      book.kill(run);
      return await new Promise(() => {});
    case "misuse":
      return await performMisuse(action, stage);
    case "await late": {
      const { first, second } = action;
      const promise = beginStep(first, stage);
      const marks = await performStep(second, stage);
      return [[first.name, (await promise).mark], ...marks];
    }
    case "stray":
      runStray(action, stage);
      return [];
    case "return wrongly":
      return [];
  }
}

/** The body of a step, whose value differs each time that it is done. */
async function doBody(
  { run, book, context }: Stage,
  name: string,
  ms: number,
  key: string | undefined,
): Promise<string> {
  const mark = book.beginBody(run, name, key);
  const { process, facts: { script } } = run;
  try {
    const signal = script.obeysSignal ? context.signal : undefined;
    if (ms > 0) await pauseIn(process, ms, signal);
  } finally {
    book.endBody(run, name);
  }
  return mark;
}

type StepBody<T> = (given?: { readonly key?: string }) => Promise<T>;

async function performStep(
  action: ActionOf<"step">,
  stage: Stage,
): Promise<Marks> {
  const { mark } = await beginStep(action, stage);
  return [[action.name, mark]];
}

/** Gives the engine's own promise: whether it may be left alone is its business. */
function beginStep(
  { name, ms, value, failures, hangs, options }: ActionOf<"step">,
  stage: Stage,
): Promise<{ mark: string }> {
  const body = async ({ key }: StepScope) => {
    const mark = await doBody(stage, name, ms, key);
    const times = stage.run.facts.begun.get(name) ?? 0;
    if (times <= hangs) return await new Promise<never>(() => {});
    if (times <= hangs + failures) throw new Error(`Planned: ${name} fails`);
    return { mark, ...valueOf(value) };
  };
  const { step } = stage.context;
  return options ? step(name, options, body) : step(name, body);
}

/** What failed as often as it may stays failed, if the tool goes on from it. */
async function performExhaust(
  { name, attempts }: ActionOf<"exhaust">,
  stage: Stage,
): Promise<Marks> {
  const options = { attempts, backoffMs: 10 };
  const body = async ({ key }: StepScope): Promise<never> => {
    const mark = await doBody(stage, name, 0, key);
    throw new ToolError(`Out of stock ${mark}`);
  };
  try {
    await stage.context.step(name, options, body);
  } catch (error) {
    return [[name, markOf(error, "Out of stock")]];
  }
  throw new Error("A step that fails succeeded");
}

/** The mark in a planned failure; others go their way. */
function markOf(error: unknown, message: string): string {
  if (error instanceof ToolError && error.message.startsWith(message)) {
    return /<<.*>>/.exec(error.message)?.[0] ?? "";
  }
  throw error;
}

function valueOf(kind: ValueKind): object {
  switch (kind) {
    case "small":
      return {};
    case "large":
      return { padding: LARGE };
    case "huge":
      return { padding: HUGE };
    case "date":
      return { at: new Date(0) };
    case "bigint":
      return { amount: 1n };
  }
}

/** What failed for good, and was caught, stays failed in every later attempt. */
async function performSaga(
  { name, ms }: ActionOf<"saga">,
  stage: Stage,
): Promise<Marks> {
  const { step } = stage.context;
  const body = async ({ key }: StepScope): Promise<never> => {
    const mark = await doBody(stage, name, ms, key);
    throw new TerminalError(`The card was declined ${mark}`);
  };
  try {
    await step(name, body);
  } catch (error) {
    const mark = markOf(error, "The card was declined");
    const amends = `${name}, amends`;
    const made = await step(
      amends,
      ({ key }) => doBody(stage, amends, ms, key),
    );
    return [[name, mark], [amends, made]];
  }
  throw new Error("A step that fails succeeded");
}

async function performAsk(
  { name, withinMs }: ActionOf<"ask">,
  { context, run }: Stage,
): Promise<Marks> {
  const message = `What does ${name} say?`;
  const reply = await context.ask(name, { message, form, withinMs });
  if (reply.action !== "accept") return [[name, reply.action]];
  const { say } = reply.content;
  if (!run.facts.answers.has(say)) {
    throw new TerminalError(`An answer that nobody gave: ${say}`);
  }
  return [[name, say]];
}

async function performMisuse(
  { name, inner }: ActionOf<"misuse">,
  stage: Stage,
): Promise<Marks> {
  const { context } = stage;
  await context.step(name, async () => {
    await doBody(stage, name, 0, undefined);
    switch (inner) {
      case "sleep":
        return await context.sleep(5000);
      case "ask":
        return await context.ask("inner", { message: "?", form });
      case "step":
        return await context.step("inner", () => 1);
    }
  });
  return [];
}

function runStray({ ms }: ActionOf<"stray">, { run, book }: Stage): void {
  const ticks = async () => {
    for (let passed = 0; passed < ms && !run.isOver; passed += STRAY_EVERY_MS) {
      await pauseIn(run.process, STRAY_EVERY_MS, run.signal);
      book.seeStray(run);
    }
  };
  ticks().catch(() => {}); // its signal was aborted, as it should be
}
