/**
 * Work that outlives its request, on the platform at hand.
 *
 * @module
 */

import type { Background } from "./jobs.ts";
import type { Log } from "./log.ts";

/** Workers stop what `waitUntil` keeps alive 30 s after the answer. */
const SLICE_MS = 25_000;

/** `waitUntil` is called as a method: Workers refuse it detached. */
export function backgroundOf(
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
  };
}
