/**
 * Work that outlives its request, on the platform at hand.
 *
 * @module
 */

import type { Log } from "../log.ts";

/** Runs work that outlives the answer; on Workers through `waitUntil`. */
export interface Background {
  /** The platform's environment, for the tools that run. */
  readonly env: unknown;
  /** Keeps the instance alive for the work. */
  run(work: Promise<unknown>): void;
  /** Milliseconds that such work may take here. */
  readonly sliceMs: number;
  /** Whether the platform may stop such work without a word. */
  readonly mayStop?: boolean;
}

/** Workers stop what `waitUntil` keeps alive 30 s after the answer. */
const SLICE_MS = 25_000;

/** `waitUntil` is called as a method: Workers refuse it detached. */
export function createBackground(
  env: unknown,
  platform: unknown,
  log: Log,
): Background {
  const context = platform as {
    waitUntil?: (work: Promise<unknown>) => void;
  } | undefined;
  const keepsAlive = typeof context?.waitUntil === "function";
  return {
    env,
    run(work) {
      const ended = work.catch((error) =>
        log("error", "Work in the background failed", { error })
      );
      if (keepsAlive) context.waitUntil?.(ended);
    },
    sliceMs: keepsAlive ? SLICE_MS : Infinity,
    mayStop: keepsAlive,
  };
}
