/**
 * Keeps what an attempt comes to, under its lease.
 *
 * @module
 */

import { TerminalError } from "../errors.ts";
import { canonicalJson } from "../json/canonical_json.ts";
import { findNotJson } from "../json/not_json.ts";
import type { Timing } from "../timing.ts";
import { pause } from "../waiting.ts";
import type { Course } from "./course.ts";
import { isTooLarge } from "./ending.ts";
import type { Lease } from "./lease.ts";
import { type Replay, toStepError } from "./replay.ts";
import type { StepOutcome } from "./store.ts";

/** Keeps outcomes. */
export interface Keeper {
  /**
   * Keeps an outcome; settles never if the lease is lost.
   *
   * @returns `false` if somebody else has kept something there: an answer.
   * @throws {TerminalError} If it cannot be kept, whoever tries.
   */
  keep(name: string, outcome: StepOutcome): Promise<boolean>;
  /** Notes how a step failed: to be kept if the tool goes on from it. */
  noteFailure(name: string, error: unknown): void;
  /** Keeps a failure that is one for good. */
  keepFailure(name: string, error: unknown): Promise<void>;
  /** Keeps the failures that the tool went on from (J2). */
  keepFailures(): Promise<void>;
  /** How much this attempt has kept. */
  count(): number;
}

/** Options for {@linkcode createKeeper}. */
export interface KeeperOptions {
  readonly lease: Lease;
  /** What earlier attempts kept. */
  readonly kept: ReadonlyMap<string, StepOutcome>;
  /** Most characters of JSON that the steps of a job may keep together. */
  readonly maxJobBytes: number;
  /** Aborted when the attempt is over. */
  readonly signal: AbortSignal;
  /** Called when something was kept that was not before. */
  readonly advanced: () => unknown;
  readonly timing: Timing;
}

/** Makes what keeps. */
export function createKeeper(
  { lease, kept: earlier, maxJobBytes, signal, advanced, timing }:
    KeeperOptions,
  replay: Pick<Replay, "noteKept">,
  { never }: Pick<Course, "never">,
): Keeper {
  const begunAt = timing.monotonic();
  const failures = new Map<string, unknown>();
  let keeping: Promise<void> | undefined;
  let count = 0;
  let total = Array.from(earlier.values(), ({ size = 0 }) => size)
    .reduce((sum, size) => sum + size, 0);

  async function keep(name: string, outcome: StepOutcome): Promise<boolean> {
    const asked = Math.round(timing.monotonic() - begunAt);
    const size = measure(name, outcome.value);
    if (total + size > maxJobBytes) {
      throw new TerminalError(
        `Cannot keep step "${name}": the job's steps would have ` +
          `${total + size} bytes of JSON, more than ${maxJobBytes}`,
      );
    }
    total += size;
    const kept = await lease
      .keepStep(name, { ...outcome, keptAt: timing.now(), asked, size })
      .catch((error) => {
        if (isTooLarge(error)) {
          const message = `Cannot keep step "${name}": ${error.message}`;
          throw new TerminalError(message, { cause: error });
        }
        lease.lose(); // the store was away for too long: another goes on
        return "lost";
      });
    if (kept === "lost") return await never;
    if (kept === "there") return false;
    // That something was tried is no progress.
    if (!isTry(name)) {
      count++;
      advanced();
    }
    return true;
  }

  async function keepFailure(name: string, error: unknown): Promise<void> {
    await keep(name, { error: toStepError(error) });
    replay.noteKept(error);
  }

  return {
    keep,
    keepFailure,
    noteFailure: (name, error) => void failures.set(name, error),

    async keepFailures() {
      if (failures.size === 0 && !keeping) return;
      await (keeping ??= (async () => {
        // An error on its way out of the tool ends the attempt before.
        await pause(0, signal, timing).catch(() => never);
        for (const [name, error] of failures) {
          failures.delete(name);
          await keepFailure(name, error);
        }
      })().finally(() => keeping = undefined));
    },

    count: () => count,
  };
}

/** Whether what stands under a name tells of a try only. */
export function isTry(name: string): boolean {
  return name.startsWith("~try ");
}

/**
 * Measures a value, in characters of JSON; of one that no store can keep it
 * names what: `Cannot keep step "charge": $.at is a Date`.
 */
function measure(name: string, value: unknown): number {
  return value === undefined ? 0 : writeKept(`step "${name}"`, value).length;
}

/**
 * Writes what is to be kept as JSON.
 *
 * @throws {TerminalError} If nothing could send it, naming the place.
 */
export function writeKept(name: string, value: unknown): string {
  try {
    return canonicalJson(value);
  } catch (cause) {
    const { path, what } = findNotJson(value) ?? { path: "$", what: "no JSON" };
    const message = `Cannot keep ${name}: ${path} is ${what}`;
    throw new TerminalError(message, { cause });
  }
}
