/**
 * Values that are made once, when they are first needed.
 *
 * Only the settled value is kept, never a promise: on Workers a promise belongs
 * to the request that made it, and another request that awaits it hangs. Calls
 * that arrive before the value is there each make one; the first stays.
 *
 * @module
 */

/**
 * Makes a function that makes its value once. One that fails is tried again.
 */
export function once<Args extends unknown[], T extends object>(
  make: (...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  let kept: T | undefined;
  return async (...args) => {
    if (kept) return kept;
    const made = await make(...args);
    return kept ??= made;
  };
}
