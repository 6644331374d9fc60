/**
 * Clocks that a test sets forward.
 *
 * @module
 */

/** A clock, for the option `now` of servers and clients. */
export interface Clock {
  /** Unix milliseconds; needs no `this`. */
  readonly now: () => number;
  /** Sets it forward. */
  forward(ms: number): void;
}

/** A clock that runs as the real one does, from wherever it was set to. */
export function runningClock(): Clock {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    forward: (ms) => void (ahead += ms),
  };
}

/** A clock that stands still between two settings. */
export function stoppedClock(at: number = Date.UTC(2030, 0)): Clock {
  let time = at;
  return { now: () => time, forward: (ms) => void (time += ms) };
}
