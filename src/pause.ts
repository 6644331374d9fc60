/**
 * Waiting that can be broken off.
 *
 * @module
 */

/**
 * Waits for milliseconds.
 *
 * @throws The signal's reason, as soon as it is aborted.
 */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
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
export function within<T>(
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
