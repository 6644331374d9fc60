/**
 * The journal of one attempt: what of a job's work outlives the attempt that
 * did it. All is kept under the job's lease: an attempt that lost it keeps
 * nothing.
 *
 * @module
 */

import { TerminalError } from "../errors.ts";
import { canonicalJson } from "../json/canonical_json.ts";
import type { Timing } from "../timing.ts";
import type { Ask } from "../tool/question.ts";
import type { JobContext, StepScope } from "../tool/tool.ts";
import { pause } from "../waiting.ts";
import { createAsking } from "./asking.ts";
import { isTooLarge } from "./ending.ts";
import type { Job, OpenQuestion } from "./job.ts";
import type { Lease } from "./lease.ts";
import { createReplay, type Replay } from "./replay.ts";

/** Options for {@linkcode createJournal}. */
export interface JournalOptions {
  /** The job's id. */
  jobId: string;
  /** The values that earlier attempts kept. */
  kept: ReadonlyMap<string, unknown>;
  /** What earlier attempts asked, and nobody has answered. */
  questions: Job["questions"];
  /** The hold on the job. */
  lease: Lease;
  /** Stops the attempt. */
  signal: AbortSignal;
  /** Unix milliseconds after which no step but the first is begun here. */
  sliceEnd: number;
  /** Called, at most once, when the attempt should stop here and go on at a time. */
  suspend: (wakeAt: number, questions: Job["questions"]) => void;
  timing: Timing;
}

/** The journal of one attempt. */
export interface Journal
  extends Pick<JobContext, "step" | "sleep" | "ask">, Pick<Replay, "finish"> {}

const LONGEST_NAME = 256;
/** Sleeps up to this long keep the instance: two commits cost more. */
const SHORT_SLEEP_MS = 1000;

/** Opens the journal of an attempt. */
export function createJournal(options: JournalOptions): Journal {
  const { lease, signal, sliceEnd, suspend, timing } = options;
  const { now } = timing;
  const replay = createReplay(options.kept, timing);
  // The attempt's own: one that outlived it would keep all that waits for it.
  const never = new Promise<never>(() => {});
  const open: Record<string, OpenQuestion> = {};
  let running = 0;
  /** Whether this attempt has done what none before it did. */
  let hasAdvanced = false;
  let wakeAt: number | undefined;
  let sleeps = 0;

  async function keep(name: string, value: unknown): Promise<void> {
    try {
      if (await lease.keepStep(name, value)) return;
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      throw new TerminalError(`Cannot keep step "${name}": ${error.message}`);
    }
    await never; // the signal has stopped this attempt
  }

  /** Leaves the job to whoever finds it due, once no step is half done. */
  function leave(at: number): Promise<never> {
    wakeAt = Math.min(at, wakeAt ?? Infinity);
    if (running === 0) suspend(wakeAt, open);
    return never;
  }

  async function step<T>(
    name: string,
    run: (scope: StepScope) => T | Promise<T>,
  ): Promise<T> {
    checkStepName(name);
    if (replay.claimName(name)) return replay.value(name) as T;
    await replay.waitForAll(name);
    signal.throwIfAborted();
    // A suspended attempt begins nothing new.
    if (wakeAt !== undefined) return await leave(wakeAt);
    // One step is begun however late: a job whose way to it takes a whole
    // slice would never get on.
    if (hasAdvanced && now() >= sliceEnd) return await leave(now());
    hasAdvanced = true;
    running++;
    try {
      if (!await lease.hold()) return await never;
      const value = await run({ key: keyOf(options.jobId, name), signal });
      if (value !== undefined) canonicalJson(value);
      await keep(name, value);
      return value;
    } finally {
      running--;
      if (wakeAt !== undefined) leave(wakeAt);
    }
  }

  async function sleep(until: number | Date): Promise<void> {
    const name = `~sleep ${++sleeps}`;
    const isKept = replay.claimName(name);
    const end = isKept
      ? replay.value(name) as number
      : until instanceof Date
      ? until.getTime()
      : now() + until;
    if (!Number.isFinite(end)) {
      throw new RangeError(`Cannot sleep until ${String(until)}`);
    }
    const left = end - now();
    if (left <= 0) return;
    if (left <= SHORT_SLEEP_MS && end < sliceEnd) {
      return await pause(left, signal, timing);
    }
    if (!isKept) {
      await replay.waitForAll(name);
      await keep(name, end);
    }
    await leave(end);
  }

  const ask = createAsking(open, { ...options, replay, keep, leave });
  return { step, sleep, ask: ask as Ask, finish: replay.finish };
}

/** The same for a step of a job in every attempt, and for no other. */
function keyOf(jobId: string, name: string): string {
  return `${jobId}.${encodeURIComponent(name.toWellFormed())}`;
}

function checkStepName(name: string): void {
  if (name !== "" && name.length <= LONGEST_NAME && !name.startsWith("~")) {
    return;
  }
  throw new TypeError(
    `Step name "${name.slice(0, 32)}" must have 1 to ${LONGEST_NAME} ` +
      'characters and not begin with "~"',
  );
}
