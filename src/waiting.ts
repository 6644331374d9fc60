/**
 * Waiting that can be broken off.
 *
 * @module
 */

/** Beyond it `setTimeout` fires at once: its delay is a 32-bit integer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Milliseconds as `setTimeout` takes them: 25 days at the most. What is no
 * number is no time at all.
 */
export function timerMs(ms: number): number {
  return Math.min(ms, LONGEST_TIMER_MS) || 0;
}

/**
 * Waits for milliseconds, {@linkcode timerMs} of them.
 *
 * @throws The signal's reason, as soon as it is aborted.
 */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, timerMs(ms));
    signal?.addEventListener("abort", stop, { once: true });
    function stop() {
      clearTimeout(timer);
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
    if (signal.aborted) return stop();
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
): Promise<boolean> {
  const decided = new AbortController();
  const over = signal
    ? AbortSignal.any([decided.signal, signal])
    : decided.signal;
  const passed = pause(ms, over).then(() => false, () => false);
  try {
    return await Promise.race([
      passed,
      ...promise ? [promise.then(() => true)] : [],
    ]);
  } finally {
    decided.abort();
  }
}

/** What ends work early. */
export interface Limits {
  /** Milliseconds that it may take; without, as long as it likes. */
  readonly ms: number | undefined;
  /** Why it is stopped when they are over. */
  readonly reason: (ms: number) => Error;
  /** Stops it before. */
  readonly signal?: AbortSignal | undefined;
}

/** Does work under a signal that is aborted by a time limit, or by another signal. */
export async function withLimits<T>(
  { ms, reason, signal }: Limits,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stopping = new AbortController();
  const stop = () => stopping.abort(signal?.reason);
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  const timer = ms === undefined
    ? undefined
    : setTimeout(() => stopping.abort(reason(ms)), timerMs(ms));
  try {
    return await work(stopping.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}
