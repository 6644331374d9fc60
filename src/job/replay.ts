/**
 * What earlier attempts of a job have kept, found again by this one.
 *
 * A step is known by its name, so is a question; a sleep by its own name, or by
 * how long it is and its place among those that are as long. A tool must ask
 * for all that was kept: one that was deployed anew under other names would else
 * do again what is done.
 *
 * @module
 */

import { TerminalError, ToolError } from "../errors.ts";
import { cut } from "../text.ts";
import type { Timing } from "../timing.ts";
import { settlesWithin } from "../waiting.ts";
import { LONGEST_MESSAGE } from "./log_fields.ts";
import type { StepError, StepOutcome } from "./store.ts";

/** What a job has kept, and which of it this attempt has asked for. */
export interface Replay {
  /**
   * Uses a name up.
   *
   * @returns Whether an earlier attempt kept something under it.
   * @throws {TerminalError} If the name was used already.
   */
  claimName(name: string): boolean;
  /** The name of a sleep of this length; used up, as by `claimName`. */
  claimSleep(length: number | string): { name: string; isKept: boolean };
  /**
   * What an earlier attempt kept: of all that is asked for at one time, what
   * came first then comes first now.
   *
   * @param at When it came, if that is not when it was kept.
   * @throws What the step threw for good.
   */
  outcome(name: string, at?: number): Promise<unknown>;
  /** What was kept, without an order. */
  value(name: string): unknown;
  /**
   * Waits until nothing kept is still to be asked for. In a tool whose steps
   * are what they were, that is asked for at once, or beside the new one.
   *
   * @param signal Ends the wait with the attempt.
   * @throws {TerminalError} If that takes too long: the steps have changed.
   */
  waitForAll(newName: string, signal: AbortSignal): Promise<void>;
  /** Whether a tool has thrown up what was kept as a failure: it will again. */
  isKept(error: unknown): boolean;
  /** Says that an error is kept. */
  noteKept(error: unknown): void;
  /**
   * Refuses a tool that returned without asking for all that was kept.
   *
   * @throws {TerminalError} If its steps are not those it had.
   */
  finish(): void;
}

/** How long a new step waits for kept ones, beyond what they took to be asked for. */
const PATIENCE_MS = 3000;
/** Turns in which who waits for one outcome goes on before the next comes. */
const TURNS = 32;

/** Begins the replay of what was kept. */
export function createReplay(
  kept: ReadonlyMap<string, StepOutcome>,
  timing: Timing,
): Replay {
  const claimed = new Set<string>();
  const missing = new Set(
    [...kept.keys()].filter((name) => !name.startsWith("~try ")),
  );
  const errors = new WeakSet<object>();
  const inOrder = createOrder();
  let activity = 0;
  let finishReplay: () => void = () => {};
  const allClaimed = new Promise<void>((resolve) => finishReplay = resolve);

  /** Work between steps takes as long as it took when they were kept. */
  function patienceMs(): number {
    const asked = [...missing].map((name) => kept.get(name)?.asked ?? 0);
    return PATIENCE_MS + 2 * Math.max(0, ...asked);
  }

  function claimName(name: string): boolean {
    if (claimed.has(name)) {
      throw new TerminalError(
        `Step "${name}" was asked for twice: give each step a name of its own`,
      );
    }
    claimed.add(name);
    activity++;
    if (missing.delete(name) && missing.size === 0) finishReplay();
    return kept.has(name);
  }

  return {
    claimName,

    claimSleep(length) {
      let n = 1;
      while (kept.has(`~sleep ${n}`) || claimed.has(`~sleep ${n}`)) n++;
      const name = findSleep(length, missing, kept) ?? `~sleep ${n}`;
      return { name, isKept: claimName(name) };
    },

    async outcome(name, at) {
      const { value, error, keptAt = 0 } = kept.get(name) ?? {};
      await inOrder(at ?? keptAt);
      if (error === undefined) return value;
      const thrown = fromStepError(error);
      errors.add(thrown);
      throw thrown;
    },

    value: (name) => kept.get(name)?.value,

    async waitForAll(newName, signal) {
      while (missing.size > 0 && !signal.aborted) {
        const before = activity;
        const ms = patienceMs();
        if (await settlesWithin(allClaimed, ms, signal, timing)) return;
        if (activity === before && !signal.aborted) {
          throw changedError(missing, `asks for "${newName}"`);
        }
      }
    },

    // The middle wraps what is not for callers.
    isKept: (error) =>
      errors.has(Object(error)) || errors.has(Object(Object(error).cause)),
    noteKept(error) {
      if (typeof error === "object" && error !== null) errors.add(error);
    },

    finish() {
      if (missing.size === 0) return;
      throw changedError(missing, "returned without asking for any more");
    },
  };
}

function changedError(
  missing: ReadonlySet<string>,
  what: string,
): TerminalError {
  const names = [...missing].map((name) => `"${name}"`).join(", ");
  return new TerminalError(
    `The tool's steps have changed since the job began: it ${what} ` +
      `but not for ${names}, which an earlier attempt has done`,
  );
}

/** The first kept sleep that is as long; else the first of any length. */
function findSleep(
  length: number | string,
  missing: ReadonlySet<string>,
  kept: ReadonlyMap<string, StepOutcome>,
): string | undefined {
  const left = [...missing].filter((name) => /^~sleep \d+$/.test(name))
    .sort((a, b) => Number(a.slice(7)) - Number(b.slice(7)));
  const same = left.find((name) =>
    Object(kept.get(name)?.value).length === length
  );
  return same ?? left[0];
}

/** Lets those who ask at one time go on in the order of their times. */
function createOrder(): (at: number) => Promise<void> {
  const waiting: { at: number; go: () => void }[] = [];
  let isGoing = false;

  async function goOn(): Promise<void> {
    isGoing = true;
    await null;
    while (waiting.length > 0) {
      waiting.sort((a, b) => a.at - b.at);
      waiting.shift()?.go();
      if (waiting.length === 0) break;
      for (let turn = 0; turn < TURNS; turn++) await null;
    }
    isGoing = false;
  }

  return (at) =>
    new Promise((resolve) => {
      waiting.push({ at, go: resolve });
      if (!isGoing) void goOn();
    });
}

/** A failure, as it is kept. */
export function toStepError(error: unknown): StepError {
  const { name, message } = error instanceof Error
    ? error
    : { name: "Error", message: String(error) };
  const kind = error instanceof TerminalError
    ? "terminal"
    : error instanceof ToolError
    ? "tool"
    : "other";
  return { kind, name: cut(name, 100), message: cut(message, LONGEST_MESSAGE) };
}

function fromStepError({ kind, name, message }: StepError): Error {
  switch (kind) {
    case "terminal":
      return new TerminalError(message);
    case "tool":
      return new ToolError(message);
    case "other": {
      const error = new Error(message);
      error.name = name;
      return error;
    }
  }
}
