/**
 * Steps and sleeps: what of a job's work outlives the attempt that did it.
 *
 * A step is known by its name, so is a question, a sleep by its place among the
 * sleeps. All are kept under the job's lease, so an attempt that lost it keeps nothing.
 *
 * @module
 */

import { canonicalJson } from "../json/canonical_json.ts";
import { CountersignError, TerminalError } from "../errors.ts";
import { pause, settlesWithin } from "../waiting.ts";
import {
  type Ask,
  checkName,
  type Question,
  readReply,
  toJson,
} from "../tool/question.ts";
import type { JobContext } from "../tool/tool.ts";
import type { Job, OpenQuestion } from "./job.ts";
import type { Lease } from "./lease.ts";

/** Options for {@linkcode journal}. */
export interface JournalOptions {
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
  /** Current time, in Unix milliseconds. */
  now: () => number;
}

/** The journal of one attempt. */
export interface Journal extends Pick<JobContext, "step" | "sleep" | "ask"> {
  /**
   * Refuses a tool that returned without asking for every kept step.
   *
   * @throws {TerminalError} If its steps are not those it had.
   */
  finish(): void;
}

const LONGEST_NAME = 256;
/** Sleeps up to this long keep the instance: two commits cost more. */
const SHORT_SLEEP_MS = 1000;
/** How long a new step waits for kept ones that should have come before it. */
const PATIENCE_MS = 3000;
/** How long a question stands, where it does not say. */
const ANSWER_WITHIN_MS = 86_400_000;
const NEVER = new Promise<never>(() => {});

/** Opens the journal of an attempt. */
export function journal(options: JournalOptions): Journal {
  const { kept, lease, signal, sliceEnd, suspend, now } = options;
  const asked = new Set<string>();
  const missing = new Set(kept.keys());
  let allAsked: () => void = () => {};
  const replayed = new Promise<void>((resolve) => allAsked = resolve);
  if (missing.size === 0) allAsked();
  let running = 0;
  /** Whether this attempt has done what none before it did. */
  let advanced = false;
  let wakeAt: number | undefined;
  let sleeps = 0;
  const open: Record<string, OpenQuestion> = {};

  /** The name is now used up; whether an earlier attempt kept it. */
  function ask(name: string): boolean {
    if (asked.has(name)) {
      throw new TerminalError(
        `Step "${name}" was asked for twice: give each step a name of its own`,
      );
    }
    asked.add(name);
    if (missing.delete(name) && missing.size === 0) allAsked();
    return kept.has(name);
  }

  /**
   * Waits until no kept step is still to be asked for. In a tool whose steps
   * are what they were, those come at once, or beside the new one.
   */
  async function replay(name: string): Promise<void> {
    if (missing.size === 0) return;
    if (!await settlesWithin(replayed, PATIENCE_MS)) {
      throw changed(`asks for "${name}"`);
    }
  }

  function changed(what: string): TerminalError {
    const names = [...missing].map((name) => `"${name}"`).join(", ");
    return new TerminalError(
      `The tool's steps have changed since the job began: it ${what} ` +
        `but not for ${names}, which an earlier attempt has done`,
    );
  }

  async function keep(name: string, value: unknown): Promise<void> {
    try {
      if (await lease.keepStep(name, value)) return;
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      throw new TerminalError(`Cannot keep step "${name}": ${error.message}`);
    }
    await NEVER; // the signal has stopped this attempt
  }

  /** Leaves the job to whoever finds it due, once no step is half done. */
  function leave(at: number): Promise<never> {
    wakeAt = Math.min(at, wakeAt ?? Infinity);
    if (running === 0) suspend(wakeAt, open);
    return NEVER;
  }

  /** An answer that does not fit is asked for again, under a name of its own. */
  async function question(name: string, question: Question): Promise<unknown> {
    checkName(name);
    if ("sampling" in question || "roots" in question) {
      throw new TerminalError(
        "A job can ask a person only: ask the caller's model in `prepare`",
      );
    }
    const { withinMs = ANSWER_WITHIN_MS } = question;
    let problem: string | undefined;
    for (let round = 1;; round++) {
      const key = round === 1 ? name : `${name}.${round}`;
      if (!ask(answerStep(key))) {
        await replay(key);
        const posed = toJson(question, problem);
        const until = options.questions?.[key]?.until ?? now() + withinMs;
        if (until > now()) {
          open[key] = { ...posed, until };
          await pause(0, signal); // those asked beside it go with it
          await leave(until);
        }
        await keep(answerStep(key), { action: "cancel" });
        return { action: "cancel" };
      }
      const settled = readReply(question, kept.get(answerStep(key)));
      if (settled.ok) return settled.value;
      problem = settled.problem;
    }
  }

  return {
    async step<T>(name: string, run: () => T | Promise<T>): Promise<T> {
      if (name === "" || name.length > LONGEST_NAME || name.startsWith("~")) {
        throw new TypeError(
          `Step name "${name.slice(0, 32)}" must have 1 to ${LONGEST_NAME} ` +
            'characters and not begin with "~"',
        );
      }
      if (ask(name)) return kept.get(name) as T;
      await replay(name);
      signal.throwIfAborted();
      // A suspended attempt begins nothing new.
      if (wakeAt !== undefined) return await leave(wakeAt);
      // One step is begun however late: a job whose way to it takes a whole
      // slice would never get on.
      if (advanced && now() >= sliceEnd) return await leave(now());
      advanced = true;
      running++;
      try {
        const value = await run();
        if (value !== undefined) canonicalJson(value);
        await keep(name, value);
        return value;
      } finally {
        running--;
        if (wakeAt !== undefined) leave(wakeAt);
      }
    },

    async sleep(until) {
      const name = `~sleep ${++sleeps}`;
      const end = ask(name)
        ? kept.get(name) as number
        : until instanceof Date
        ? until.getTime()
        : now() + until;
      if (!Number.isFinite(end)) {
        throw new RangeError(`Cannot sleep until ${String(until)}`);
      }
      const left = end - now();
      if (left <= 0) return;
      if (left <= SHORT_SLEEP_MS && end < sliceEnd) {
        return await pause(left, signal);
      }
      if (!kept.has(name)) {
        await replay(name);
        await keep(name, end);
      }
      await leave(end);
    },

    ask: question as Ask,

    finish() {
      if (missing.size > 0) {
        throw changed("returned without asking for any more");
      }
    },
  };
}

/** The step that keeps the answer to a question. */
export function answerStep(name: string): string {
  return `~ask ${name}`;
}

function isTooLarge(error: unknown): error is CountersignError {
  return error instanceof CountersignError && error.code === "result_too_large";
}
