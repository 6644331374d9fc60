/**
 * Tells responses to this try from what was signed for others, and keeps the
 * server's clock, which only the former may set.
 *
 * @module
 */

import { type ServerResponse, unverifiedError } from "./response.ts";

/** What a client knows of a server's clock, and of what it was given. */
export interface Freshness {
  /** The server's clock, in Unix milliseconds. */
  now(): number;
  /** Sets the clock, if it is off, by a response that can be to one try only. */
  setClock(response: ServerResponse, sentAt: number): void;
  /**
   * Refuses a response that is to another try with the same id, as far as that
   * shows: by its clock, or because it was given before.
   *
   * @throws {CountersignError} `unverified_answer`
   */
  refuseOld(response: ServerResponse, shared: Shared): Promise<void>;
}

/** A try whose id others have, too. */
export interface Shared {
  /** When it was sent, by the server's clock as it was known. */
  readonly sentAt: number;
  /** Whether all that have the id start one job: then they share responses. */
  readonly isStart: boolean;
  /** Has {@linkcode Freshness.setClock} called, by a call with an id of its own. */
  readonly askClock: () => Promise<unknown>;
}

/** How far clocks may be apart: what PROTOCOL.md gives them. */
const WINDOW_MS = 300_000;
/** Responses that are remembered. */
const REMEMBERED = 1000;

/**
 * Begins to know a server.
 *
 * @param ownNow Current time, in Unix milliseconds.
 */
export function createFreshness(ownNow: () => number): Freshness {
  /** What to add to this clock so that it agrees with the server's. */
  let skewMs = 0;
  const given = new Set<string>();
  const now = () => ownNow() + skewMs;

  function isOff({ ts_ms }: ServerResponse, sentAt: number): boolean {
    return ts_ms < sentAt - WINDOW_MS || ts_ms > now() + WINDOW_MS;
  }

  function isStale({ error }: ServerResponse): boolean {
    return error?.code === "stale_timestamp";
  }

  return {
    now,

    setClock(response, sentAt) {
      if (isStale(response) || isOff(response, sentAt)) {
        skewMs = response.ts_ms - ownNow();
      }
    },

    async refuseOld(response, { sentAt, isStart, askClock }) {
      const { signature } = response;
      if (given.has(signature)) throw unverifiedError("it was given before");
      if (!isStart) given.add(signature);
      for (const oldest of given) {
        if (given.size <= REMEMBERED) break;
        given.delete(oldest);
      }
      if (!isStale(response) && !isOff(response, sentAt)) return;
      const before = skewMs;
      await askClock();
      if (isStale(response)) return;
      if (isOff(response, sentAt + skewMs - before)) {
        throw unverifiedError("it is an old one");
      }
    },
  };
}
