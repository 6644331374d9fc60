/**
 * The journal of one attempt: what of a job's work outlives the attempt that
 * did it. All is kept under the job's lease: an attempt that lost it keeps
 * nothing.
 *
 * - J1. What was kept is not begun again: its outcome comes from the store.
 * - J2. A step that failed is done again by the next attempt, unless the tool
 *   went on from its failure: then that is kept, before anything else begins.
 * - J3. A body begins only on a lease that surely holds.
 *
 * @module
 */

import type { Ask, Question } from "../tool/question.ts";
import type { JobContext, StepOptions, StepScope } from "../tool/context.ts";
import { cut } from "../text.ts";
import { pause } from "../waiting.ts";
import { createAsking } from "./asking.ts";
import { type Course, createCourse } from "./course.ts";
import type { OpenQuestion } from "./job.ts";
import { createBodies } from "./nesting.ts";
import { createReplay, type Replay } from "./replay.ts";
import { createKeeper, isTry } from "./keeper.ts";
import type { JournalOptions, Parts } from "./parts.ts";
import { runStep } from "./step.ts";

/** The journal of one attempt. */
export interface Journal
  extends
    Pick<JobContext, "step" | "sleep" | "ask">,
    Pick<Replay, "finish" | "isKept">,
    Pick<Course, "leaveSoon"> {
  /** How much is kept by now. */
  kept(): number;
}

const LONGEST_NAME = 256;

/** Opens the journal of an attempt. */
export function createJournal(options: JournalOptions): Journal {
  const { kept, signal, suspend, timing } = options;
  const open: Record<string, OpenQuestion> = {};
  const replay = createReplay(kept, timing);
  const bodies = createBodies();
  const course = createCourse({
    ...options,
    leave: (wakeAt) => suspend(wakeAt, open),
    stay: () => asking.stay(),
  });
  const keeper = createKeeper(options, replay, course);
  const parts: Parts = {
    ...options,
    ...{ replay, course, bodies, keeper },
    async begin(name) {
      await replay.waitForAll(name, signal);
      options.lease.signal.throwIfAborted();
      if (signal.aborted) await course.never;
      await course.mayBegin();
      await keeper.keepFailures();
    },
  };
  const asking = createAsking(open, parts);

  async function takeStep(
    given: string,
    options: StepOptions,
    run: (scope: StepScope) => unknown,
  ): Promise<unknown> {
    bodies.refuse(`run step "${cut(given, LONGEST_NAME)}"`);
    const name = checkStepName(given);
    if (replay.claimName(name)) return await replay.outcome(name);
    await parts.begin(name);
    try {
      return await runStep(name, options, run, parts);
    } catch (error) {
      if (signal.aborted) return await course.never;
      if (!replay.isKept(error)) keeper.noteFailure(name, error);
      throw error;
    }
  }

  return {
    step: ((name: string, ...rest: [StepOptions, Body] | [Body]) => {
      const [options, run] = rest.length === 2 ? rest : [{}, rest[0]];
      return handled(takeStep(name, options, run));
    }) as JobContext["step"],
    sleep: (until, name) => handled(sleep(until, name, parts)),
    ask:
      ((name: string, question: Question) =>
        handled(asking.ask(name, question))) as Ask,
    finish: replay.finish,
    isKept: replay.isKept,
    leaveSoon: course.leaveSoon,
    kept: () => countKept(kept) + keeper.count(),
  };
}

/** How much earlier attempts have got done. */
export function countKept(kept: ReadonlyMap<string, unknown>): number {
  return [...kept.keys()].filter((name) => !isTry(name)).length;
}

type Body = (scope: StepScope) => unknown;

/** Whoever awaits it later is told; until then nobody need be. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

async function sleep(
  until: number | Date,
  name: string | undefined,
  { bodies, replay, course, keeper, signal, timing, begin, sliceEnd }: Parts,
): Promise<void> {
  bodies.refuse("sleep");
  const length = until instanceof Date ? until.toISOString() : until;
  const own = name === undefined ? undefined : `~nap ${checkStepName(name)}`;
  const claim = own === undefined
    ? () => replay.claimSleep(length)
    : () => ({ name: own, isKept: replay.claimName(own) });
  const end = until instanceof Date ? until.getTime() : timing.now() + until;
  if (!Number.isFinite(end)) {
    throw new RangeError(`Cannot sleep until ${String(until)}`);
  }
  const claimed = claim();
  if (claimed.isKept) {
    const value = replay.value(claimed.name);
    const keptEnd = typeof value === "number" ? value : Object(value).end;
    if (keptEnd <= timing.now()) {
      await replay.outcome(claimed.name, keptEnd);
    } else await course.waitUntil(keptEnd);
    return;
  }
  const leftMs = end - timing.now();
  if (leftMs <= 0) return;
  if (leftMs <= SHORT_SLEEP_MS && end < sliceEnd) {
    await pause(leftMs, signal, timing).catch(() => course.never);
    return;
  }
  await begin(claimed.name);
  await keeper.keep(claimed.name, { value: { end, length } });
  await course.waitUntil(end);
}

/** Sleeps up to this long keep the instance: two commits cost more. */
const SHORT_SLEEP_MS = 1000;

function checkStepName(name: string): string {
  if (name !== "" && name.length <= LONGEST_NAME && !name.startsWith("~")) {
    return name.toWellFormed();
  }
  throw new TypeError(
    `Step name "${cut(name, 32)}" must have 1 to ${LONGEST_NAME} ` +
      'characters and not begin with "~"',
  );
}
