/**
 * Until when something signed may be accepted: the one answer that both the
 * check of its clock and the memory for its nonce go by.
 *
 * @module
 */

/** The span of the server's clock in which something may be accepted, both ends included. */
export interface TimeWindow {
  /** The first instant. */
  readonly from: number;
  /** The last one. */
  readonly until: number;
}

/**
 * The window of what its sender calls good from `start` to `end`, by a clock
 * that may be `tolerance` off; all three in one unit.
 */
export function windowOf(
  start: number,
  end: number,
  tolerance: number,
): TimeWindow {
  return { from: start - tolerance, until: end + tolerance };
}

/** Whether something may be accepted now; what is no number lets nothing in. */
export function isOpen({ from, until }: TimeWindow, now: number): boolean {
  return from <= now && now <= until;
}

/** Covers what passes between a check and the spending, and clocks' granularity. */
const MARGIN_MS = 1000;

/**
 * Until when the nonce of what may be accepted until `until` is remembered; all
 * in Unix milliseconds.
 *
 * Well beyond it: of two instances, each as far off as a sender may be, the one
 * that is ahead may spend the nonce, and the one behind accepts it longest.
 */
export function rememberUntil(until: number, toleranceMs: number): number {
  return until + 2 * toleranceMs + MARGIN_MS;
}
