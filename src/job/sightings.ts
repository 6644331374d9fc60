/**
 * When a job that somebody runs may be taken over: once it was seen to stand as
 * it is for as long as its lease lasts.
 *
 * So the clocks of instances need not agree: what a lease's end by the wall
 * clock says is when to begin to look.
 *
 * @module
 */

import type { Timing } from "../timing.ts";
import type { StoredJob } from "./store.ts";

/** What an instance has seen of other instances' jobs. */
export interface Sightings {
  /** Whether a job is nobody's, or its worker was silent for its whole lease. */
  mayTake(stored: StoredJob): boolean;
  /** Milliseconds until a job may be taken, if nothing changes it before. */
  waitMs(stored: StoredJob): number;
}

/** Sightings that nobody asks for any more are forgotten after so many leases. */
const FORGOTTEN_AFTER = 20;

/** Begins to look. */
export function createSightings(leaseMs: number, timing: Timing): Sightings {
  const seen = new Map<string, { version: string; since: number }>();
  let tidiedAt = timing.monotonic();

  function tidyUp(now: number): void {
    const oldMs = FORGOTTEN_AFTER * leaseMs;
    if (now - tidiedAt < oldMs) return;
    tidiedAt = now;
    for (const [id, { since }] of seen) {
      if (now - since > oldMs) seen.delete(id);
    }
  }

  function waitMs({ job, version }: StoredJob): number {
    if (job.lease === undefined) return 0;
    const now = timing.monotonic();
    tidyUp(now);
    let sighting = seen.get(job.id);
    if (sighting?.version !== version) {
      sighting = { version, since: now };
      seen.set(job.id, sighting);
    }
    return Math.max(0, sighting.since + (job.leaseMs ?? leaseMs) - now);
  }

  return {
    waitMs,
    mayTake: (stored) => waitMs(stored) === 0,
  };
}
