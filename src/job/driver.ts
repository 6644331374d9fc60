/**
 * Drives the jobs of an instance that lives on between requests: it looks for
 * work when the next job is due, when room gets free, and now and then.
 *
 * @module
 */

import type { Log } from "../log.ts";
import type { Timing } from "../timing.ts";

/** Drives jobs, with one timer. */
export interface Driver {
  /** Looks in so many milliseconds, unless it does so before. */
  wake(inMs: number): void;
  /** Looks no more; ends once a look that is under way has. */
  stop(): Promise<void>;
}

/** Options for {@linkcode createDriver}. */
export interface DriverOptions {
  /** Looks for work; tells in how many milliseconds to look again. */
  readonly look: () => Promise<number>;
  /** Longest that it goes without a look. */
  readonly sweepMs: number;
  readonly log: Log;
  readonly timing: Timing;
}

/** Begins to drive. */
export function createDriver(options: DriverOptions): Driver {
  const { look, sweepMs, log, timing } = options;
  let callOff: (() => void) | undefined;
  let at = Infinity;
  let looking: Promise<void> | undefined;
  let isOver = false;

  function run(): void {
    callOff = undefined;
    at = Infinity;
    looking = lookOnce();
  }

  async function lookOnce(): Promise<void> {
    let againMs = sweepMs;
    try {
      againMs = await look();
    } catch (error) {
      log("warn", "Jobs could not be looked for", { error });
    }
    looking = undefined;
    // What woke it meanwhile is waited for no longer than it asked.
    const wokenAt = at;
    at = Infinity;
    wake(Math.min(againMs, sweepMs, wokenAt - timing.monotonic()));
  }

  function wake(inMs: number): void {
    const wanted = timing.monotonic() + Math.max(0, inMs);
    if (isOver || wanted >= at) return;
    at = wanted;
    if (looking) return;
    callOff?.();
    callOff = timing.after(Math.ceil(Math.max(0, inMs)), run, true);
  }

  return {
    wake,
    async stop() {
      isOver = true;
      callOff?.();
      await looking;
    },
  };
}
