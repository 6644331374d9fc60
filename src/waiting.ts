/**
 * Waiting that can be broken off.
 *
 * @module
 */

import { timerMs, type Timing } from "./timing.ts";

/** What calls after a while: a {@linkcode Timing}, or less. */
export type Timer = Pick<Timing, "after">;

/** The platform's timer; all that clients load of its timing. */
export const platformTimer: Timer = {
  after(ms, run) {
    const timer = setTimeout(run, timerMs(ms));
    return () => clearTimeout(timer);
  },
};

/**
 * Waits for milliseconds.
 *
 * @throws The signal's reason, as soon as it is aborted.
 */
export function pause(
  ms: number,
  signal?: AbortSignal,
  timing: Timer = platformTimer,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const callOff = timing.after(ms, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    signal?.addEventListener("abort", stop, { once: true });
    function stop() {
      callOff();
      reject(signal?.reason);
    }
  });
}

/**
 * Waits for a promise, but no longer than a signal lasts.
 *
 * @throws The signal's reason, as soon as it is aborted.
 */
export function waitWithin<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) {
      promise.catch(() => {}); // what becomes of it is for nobody
      return stop();
    }
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() =>
      signal.removeEventListener("abort", stop)
    );
  });
}

/** Whether a promise settles before `ms` have passed, or `signal` is aborted. */
export async function settlesWithin(
  promise: Promise<unknown> | undefined,
  ms: number,
  signal?: AbortSignal,
  timing: Timer = platformTimer,
): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    const callOff = timing.after(ms, () => settle(false));
    const stop = () => settle(false);
    signal?.addEventListener("abort", stop, { once: true });
    promise?.then(() => settle(true), (error) => {
      tidyUp();
      reject(error);
    });
    if (signal?.aborted) stop();

    function settle(inTime: boolean): void {
      tidyUp();
      resolve(inTime);
    }
    function tidyUp(): void {
      callOff();
      signal?.removeEventListener("abort", stop);
    }
  });
}

/** What ends work early. */
export interface Limits {
  /** Milliseconds that it may take; without, as long as it likes. */
  readonly ms: number | undefined;
  /** Why it is stopped when they are over. */
  readonly reason: (ms: number) => Error;
  /** Stops it before. */
  readonly signal?: AbortSignal | undefined;
  /** Measures the time; without, the platform does. */
  readonly timing?: Timer | undefined;
}

/** Does work under a signal that is aborted by a time limit, or by another signal. */
export async function withLimits<T>(
  { ms, reason, signal, timing = platformTimer }: Limits,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stopping = new AbortController();
  const stop = () => stopping.abort(signal?.reason);
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  const callOff = ms === undefined
    ? undefined
    : timing.after(ms, () => stopping.abort(reason(ms)));
  try {
    return await work(stopping.signal);
  } finally {
    callOff?.();
    signal?.removeEventListener("abort", stop);
  }
}
