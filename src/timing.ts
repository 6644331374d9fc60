/**
 * Time and chance, handed in to whatever keeps and runs jobs: so that a test
 * may decide both.
 *
 * @module
 */

/** Time and chance. */
export interface Timing {
  /** Unix milliseconds: what instances agree on, more or less. */
  now(): number;
  /** Milliseconds of a clock that is this instance's own, and is never set. */
  monotonic(): number;
  /**
   * Calls `run` once, after milliseconds.
   *
   * @param idle Whether the process may end before.
   * @returns Calls it off.
   */
  after(ms: number, run: () => void, idle?: boolean): () => void;
  /** From 0 up to, but not, 1. */
  random(): number;
  /** A name that nobody else has. */
  uuid(): string;
}

/** The platform's time and chance, with a wall clock of one's own. */
export function createTiming(now: () => number = Date.now): Timing {
  return {
    now,
    monotonic: () => performance.now(),
    after(ms, run, idle = false) {
      const timer = setTimeout(run, timerMs(ms));
      if (idle) release(timer);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    uuid: () => crypto.randomUUID(),
  };
}

/** The platform's time and chance. */
export const platformTiming: Timing = /* @__PURE__ */ createTiming();

/** A timer of more than 31 bits fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** Milliseconds as `setTimeout` takes them: 25 days at most, none for what is no number. */
export function timerMs(ms: number): number {
  return Math.min(Math.max(0, ms), LONGEST_MS) || 0;
}

/**
 * Whether timers run here between requests, and let the process end: on
 * Workers they do not.
 */
export function canIdle(): boolean {
  try {
    const timer = setTimeout(() => {});
    clearTimeout(timer);
    return releaserOf(timer) !== undefined;
  } catch {
    return false; // Workers allow none outside of a request
  }
}

/** Lets the process end before a timer. */
function release(timer: unknown): void {
  releaserOf(timer)?.();
}

function releaserOf(timer: unknown): (() => void) | undefined {
  const { Deno } = globalThis as {
    Deno?: { unrefTimer?: (id: number) => void };
  };
  const unref = Deno?.unrefTimer;
  if (unref && typeof timer === "number") return () => unref(timer);
  const { unref: ofTimer } = Object(timer) as { unref?: () => void };
  return ofTimer && (() => ofTimer.call(timer));
}
