/**
 * What earlier attempts of a job have kept, found again by this one.
 *
 * A step is known by its name, so is a question, a sleep by its place among the
 * sleeps. A tool must ask for all that was kept: one that was deployed anew
 * under other names would else do again what is done.
 *
 * @module
 */

import { TerminalError } from "../errors.ts";
import type { Timing } from "../timing.ts";
import { settlesWithin } from "../waiting.ts";

/** The kept values of a job, and which of them this attempt has asked for. */
export interface Replay {
  /**
   * Uses a name up.
   *
   * @returns Whether an earlier attempt kept a value under it.
   * @throws {TerminalError} If the name was used already.
   */
  claimName(name: string): boolean;
  /** The value that an earlier attempt kept. */
  value(name: string): unknown;
  /**
   * Waits until no kept value is still to be asked for. In a tool whose steps
   * are what they were, those are asked for at once, or beside the new one.
   *
   * @throws {TerminalError} If that takes too long: the steps have changed.
   */
  waitForAll(newName: string): Promise<void>;
  /**
   * Refuses a tool that returned without asking for every kept value.
   *
   * @throws {TerminalError} If its steps are not those it had.
   */
  finish(): void;
}

/** How long a new step waits for kept ones that should have come before it. */
const PATIENCE_MS = 3000;

/** Begins the replay of what was kept. */
export function createReplay(
  kept: ReadonlyMap<string, unknown>,
  timing: Timing,
): Replay {
  const claimed = new Set<string>();
  const missing = new Set(kept.keys());
  let finishReplay: () => void = () => {};
  const allClaimed = new Promise<void>((resolve) => finishReplay = resolve);

  function changedError(what: string): TerminalError {
    const names = [...missing].map((name) => `"${name}"`).join(", ");
    return new TerminalError(
      `The tool's steps have changed since the job began: it ${what} ` +
        `but not for ${names}, which an earlier attempt has done`,
    );
  }

  return {
    claimName(name) {
      if (claimed.has(name)) {
        throw new TerminalError(
          `Step "${name}" was asked for twice: give each step a name of its own`,
        );
      }
      claimed.add(name);
      if (missing.delete(name) && missing.size === 0) finishReplay();
      return kept.has(name);
    },

    value: (name) => kept.get(name),

    async waitForAll(newName) {
      if (missing.size === 0) return;
      if (await settlesWithin(allClaimed, PATIENCE_MS, undefined, timing)) {
        return;
      }
      throw changedError(`asks for "${newName}"`);
    },

    finish() {
      if (missing.size === 0) return;
      throw changedError("returned without asking for any more");
    },
  };
}
