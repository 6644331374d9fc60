/**
 * The course of one attempt: which bodies of steps run, what is waited for, and
 * when to leave the job to a later attempt.
 *
 * - C1. While a body runs, what is waited for beside it is waited for here, by a
 *   timer; the attempt leaves once nothing is left to do but to wait.
 * - C2. Once it has left, nothing begins, and nothing goes on.
 *
 * @module
 */

import type { Timing } from "../timing.ts";

/** The course of one attempt. */
export interface Course {
  /** Settles never; it goes with the attempt, and all that waits for it. */
  readonly never: Promise<never>;
  /** Does what must end before the attempt may leave. */
  inBody<T>(run: () => Promise<T>): Promise<T>;
  /** Waits until a time, or until `early` is settled: here, or across restarts. */
  waitUntil(at: number, early?: Promise<unknown>): Promise<void>;
  /** Goes on only where something may be begun. */
  mayBegin(): Promise<void>;
  /** Leaves as soon as no body runs. */
  leaveSoon(): void;
}

/** Options for {@linkcode createCourse}. */
export interface CourseOptions {
  /** Aborted when the attempt is over. */
  readonly signal: AbortSignal;
  /** Unix milliseconds after which nothing but a first step is begun here. */
  readonly sliceEnd: number;
  /** Leaves the job until a time. */
  readonly leave: (wakeAt: number) => void;
  /** Called when something is waited for here. */
  readonly stay: () => void;
  readonly timing: Timing;
}

/** Waits up to this long keep the instance: two commits cost more. */
const SHORT_WAIT_MS = 1000;
/** How long a branch may take from one step to the next beside one that waits. */
const LINGER_MS = 100;

/** Something that is waited for. */
interface Wait {
  readonly at: number;
  wake(): void;
}

function wakeDue(waits: Set<Wait>, now: number): void {
  for (const wait of waits) {
    if (wait.at > now) continue;
    waits.delete(wait);
    wait.wake();
  }
}

function earliest(waits: ReadonlySet<Wait>): number {
  return Math.min(...Array.from(waits, ({ at }) => at));
}

/** Begins the course of an attempt. */
export function createCourse(options: CourseOptions): Course {
  const { signal, sliceEnd, leave, stay, timing } = options;
  const { now } = timing;
  const never = new Promise<never>(() => {});
  const waits = new Set<Wait>();
  let running = 0;
  let [hasBegun, isLeaving] = [false, false];
  let isOver = signal.aborted;
  let callOff: (() => void) | undefined;
  signal.addEventListener("abort", () => leaveAt(), { once: true });

  function consider(inMs: number): void {
    callOff?.();
    if (!isOver) callOff = timing.after(inMs, settle);
  }

  function settle(): void {
    if (isOver) return;
    if (!mustLeave()) wakeDue(waits, now());
    const at = earliest(waits);
    if (running === 0 && isLeaving) return leaveAt(now());
    if (waits.size === 0) return;
    const isShort = at - now() <= SHORT_WAIT_MS && at < sliceEnd;
    if (running === 0 && (!isShort || mustLeave())) return leaveAt(at);
    if (mustLeave()) return; // once the last body has ended
    stay();
    consider(Math.max(0, at - now()));
  }

  function leaveAt(at?: number): void {
    isOver = true;
    callOff?.();
    if (at !== undefined) leave(at);
  }

  function mustLeave(): boolean {
    return isLeaving || (hasBegun && now() >= sliceEnd);
  }

  return {
    never,

    async inBody(run) {
      hasBegun = true;
      running++;
      try {
        return await run();
      } finally {
        running--;
        if (waits.size > 0 || isLeaving) consider(LINGER_MS);
      }
    },

    async waitUntil(at, early) {
      if (isOver) return await never;
      await new Promise<void>((resolve) => {
        const wait = { at, wake: resolve };
        waits.add(wait);
        early?.then(() => {
          if (isOver || !waits.delete(wait)) return;
          resolve();
          consider(LINGER_MS);
        });
        consider(0); // those asked beside it go with it
      });
    },

    async mayBegin() {
      if (!isOver && !mustLeave()) return;
      if (!isOver) waits.add({ at: now(), wake: () => {} });
      consider(0);
      await never;
    },

    leaveSoon() {
      isLeaving = true;
      if (running === 0) settle();
    },
  };
}
