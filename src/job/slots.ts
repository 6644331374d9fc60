/**
 * Slots: how many jobs one instance runs at once.
 *
 * @module
 */

import type { Timing } from "../timing.ts";

/** The slots of an instance; a slot's token is also the lease of its job. */
export interface Slots {
  /** Takes a slot; `undefined` where none is free. */
  take(): string | undefined;
  /** Says that the job in a slot runs for so many milliseconds from now. */
  extend(token: string, ms: number): void;
  /** Frees a slot. */
  free(token: string | undefined): void;
}

/**
 * How long after its slice a job may still hold its slot. Workers stop what
 * takes too long without a word, and what was stopped gives nothing back.
 */
const OVERRUN_MS = 60_000;

/** Makes the slots of an instance. */
export function createSlots(count: number, { now, uuid }: Timing): Slots {
  /** The slots that are taken, and until when at the most. */
  const taken = new Map<string, number>();
  return {
    take() {
      for (const [token, until] of taken) {
        if (until <= now()) taken.delete(token);
      }
      if (taken.size >= count) return undefined;
      const token = uuid();
      taken.set(token, now() + OVERRUN_MS);
      return token;
    },
    extend: (token, ms) => void taken.set(token, now() + ms + OVERRUN_MS),
    free(token) {
      if (token !== undefined) taken.delete(token);
    },
  };
}
