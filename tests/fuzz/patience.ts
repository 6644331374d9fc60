/**
 * Time-outs that count the time in which this process was free to go on: on a
 * machine that has other things to do, nothing here is called late for that.
 */

const TICK_MS = 50;

/** Settles after so many milliseconds of free time. */
export function patience(
  ms: number,
): { readonly over: Promise<void>; stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    let left = Math.ceil(ms / TICK_MS);
    const tick = () => {
      if (left-- <= 0) resolve();
      else timer = setTimeout(tick, TICK_MS);
    };
    tick();
  });
  return { over, stop: () => clearTimeout(timer) };
}
