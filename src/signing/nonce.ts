/**
 * Replay protection: a nonce is spent once.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";

/** A nonce that a verified envelope carried. */
export interface Nonce {
  /** Who sent it: nonces of different clients never meet. */
  readonly clientId: string;
  /** The nonce. */
  readonly value: string;
  /** Unix milliseconds through which it is remembered: see `rememberUntil`. */
  readonly expiresAt: number;
}

/** Spends a nonce; `false` if it was spent before. */
export type Spend = (nonce: Nonce) => Promise<boolean>;

/**
 * Remembers nonces in memory: for a server that has exactly one instance.
 *
 * A restart forgets them, so an envelope may be accepted again for as long as
 * its clock is in the window. A clock that is set back brings none of them
 * back: what may have been forgotten by then counts as spent.
 */
export function spendInMemory(now: () => number): Spend {
  const spent = new Map<string, number>();
  let latest = -Infinity;
  return ({ clientId, value, expiresAt }) => {
    latest = Math.max(latest, now());
    // Oldest first; one that outlives its place waits for the next call.
    for (const [key, expiry] of spent) {
      if (expiry >= latest) break;
      spent.delete(key);
    }
    const key = `${clientId} ${value}`; // no id of a client holds a space
    if (expiresAt < latest || spent.has(key)) return Promise.resolve(false);
    spent.set(key, expiresAt);
    return Promise.resolve(true);
  };
}

/** The refusal of a request that was accepted before. */
export function replayedError(): CountersignError {
  return new CountersignError(
    "replayed",
    "This nonce was spent; sign the call again with a fresh one",
  );
}
