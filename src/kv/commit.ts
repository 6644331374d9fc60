/**
 * Commits that end in a certain answer.
 *
 * Deno KV throws `database is locked` at once when another process writes to
 * the same file, and any store may fail after a write has landed. Every commit
 * here carries a check, so trying again is safe; when the check then fails, the
 * store is asked whether that is because the first try had landed.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import { platformTiming, type Timing } from "../timing.ts";
import { pause } from "../waiting.ts";
import type { KvAtomic } from "./kv.ts";

/** How a store that does not answer is asked again. */
export interface Patience extends Timing {
  /** When it need not be asked any more, by the monotonic clock. */
  readonly until?: number;
}

/** Tries before a store counts as unavailable: about two seconds in all. */
const TRIES = 10;

/**
 * Commits an operation that carries at least one check.
 *
 * @param operation Builds the operation; called once a try.
 * @param landed Reads back the versionstamp if this very operation has landed.
 * @param ambiguous Whether it may have landed already.
 * @returns The versionstamp, or `undefined` if a check did not hold.
 * @throws {CountersignError} `unavailable`
 */
export async function commit(
  operation: () => KvAtomic,
  landed: () => Promise<string | undefined>,
  ambiguous = false,
  patience: Patience = platformTiming,
): Promise<string | undefined> {
  return await persist(async () => {
    try {
      const result = await operation().commit();
      if (result.ok) return result.versionstamp;
    } catch (error) {
      ambiguous = true;
      throw error;
    }
    return ambiguous ? await landed() : undefined;
  }, patience);
}

/**
 * Tries an idempotent operation on the store until it answers.
 *
 * @throws {CountersignError} `unavailable`
 */
export async function persist<T>(
  operation: () => Promise<T>,
  patience: Patience = platformTiming,
): Promise<T> {
  const { random, monotonic, until = -Infinity } = patience;
  for (let attempt = 1;; attempt++) {
    try {
      return await operation();
    } catch (cause) {
      const isOver = attempt >= TRIES && monotonic() >= until;
      if (isOver || isMistake(cause)) {
        throw new CountersignError(
          "unavailable",
          "The server cannot reach its store; send the call again",
          { cause, retryAfterMs: 1000 },
        );
      }
      const longestMs = Math.min(500, 5 * 2 ** Math.min(attempt, 10));
      await pause(random() * longestMs, undefined, patience);
    }
  }
}

/** A closed or refusing store will not change its mind within two seconds. */
function isMistake(error: unknown): boolean {
  const { name, transient } = (error ?? {}) as {
    name?: unknown;
    transient?: unknown;
  };
  return name === "BadResource" || name === "NotCapable" ||
    name === "SyntaxError" || transient === false;
}
