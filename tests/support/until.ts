/** Waiting for what happens elsewhere: in another process, or after an answer. */

/**
 * Asks again and again until there is something to be had.
 *
 * @param what Names it, for the error that ends a wait in vain.
 * @throws {Error} If there is nothing within ten seconds, or as long as is said.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  withinMs = 10_000,
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await condition();
    if (found) return found as NonNullable<Exclude<T, false>>;
    if (performance.now() > deadline) throw new Error(`Never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * Waits for what a test does, but not for ever.
 *
 * @throws {Error} If it takes longer than 50 seconds.
 */
export async function inTime<T>(run: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const fail = () => reject(new Error("The test took longer than 50 s"));
  const timer = setTimeout(fail, 50_000);
  try {
    return await Promise.race([run, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Holds somebody up until the test lets them go on, or ends. */
export interface Gate extends Disposable {
  open(): void;
  /** Rejects if the gate stays shut for ten seconds. */
  opened(): Promise<void>;
}

/** @param what Names what opens it, for the error that ends a wait in vain. */
export function gate(what: string): Gate {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOpen = false;
  function open(): void {
    isOpen = true;
    clearTimeout(timer);
    resolve();
  }
  return {
    open,
    opened() {
      const fail = () => reject(new Error(`Never came: ${what}`));
      if (!isOpen) timer ??= setTimeout(fail, 10_000);
      return promise;
    },
    [Symbol.dispose]: open,
  };
}
