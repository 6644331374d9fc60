/**
 * Slots: how many jobs one instance runs at once, of one client, of one tool;
 * and which job runs alone.
 *
 * @module
 */

import type { Timing } from "../timing.ts";

/** Whose job wants a slot. */
export interface Applicant {
  readonly clientId: string;
  readonly tool: string;
  /** Whether it may take its process with it: it runs with no other beside it. */
  readonly isSuspect?: boolean;
}

/** The slots of an instance; a slot's token is also the lease of its job. */
export interface Slots {
  /** Takes a slot; `undefined` where none is free for this job. */
  take(applicant: Applicant): string | undefined;
  /** Whether a job, suspect or not, is within its client's and its tool's share. */
  mayFit(applicant: Applicant): boolean;
  /** How many a client has. */
  countOf(clientId: string): number;
  /** Slots that are free, whoever may have them. */
  free(): number;
  /** Says that the job in a slot runs for so many milliseconds from now. */
  extend(token: string, ms: number): void;
  /** Says that the job in a slot is no suspect; whether it was one until now. */
  clear(token: string): boolean;
  /** Gives a slot back. */
  giveBack(token: string | undefined): void;
}

/** Options for {@linkcode createSlots}. */
export interface SlotsOptions {
  /** Most jobs at once. */
  readonly concurrency: number;
  /** Most jobs of one client at once. */
  readonly maxRunning: number;
  /** Most jobs of one tool at once. */
  readonly concurrencyOf: (tool: string) => number;
  /** How long a suspect runs alone. */
  readonly aloneMs: number;
  readonly timing: Timing;
}

/**
 * How long after its slice a job may still hold its slot. Workers stop what
 * takes too long without a word, and what was stopped gives nothing back.
 */
const OVERRUN_MS = 60_000;
/** How long others are held back for a suspect; then it runs beside the rest. */
const HELD_BACK_MS = 60_000;
/** How long after a suspect last asked others are still held back. */
const STILL_WANTED_MS = 3000;

interface Taken extends Applicant {
  /** Whether whoever took it has been stopped without a word. */
  isLost: () => boolean;
  aloneUntil: number;
}

function isPast(clock: () => number, until: number): () => boolean {
  return () => clock() >= until;
}

/** Makes the slots of an instance. */
export function createSlots(options: SlotsOptions): Slots {
  const { concurrency, maxRunning, concurrencyOf, aloneMs, timing } = options;
  const { now, monotonic, uuid } = timing;
  const taken = new Map<string, Taken>();
  /** Since when a suspect waits, and when it last asked. */
  let waiting: { since: number; asked: number } | undefined;

  function tidyUp(): void {
    for (const [token, { isLost }] of taken) {
      if (isLost()) taken.delete(token);
    }
  }

  function count(is: (other: Taken) => boolean): number {
    let found = 0;
    for (const other of taken.values()) if (is(other)) found++;
    return found;
  }

  function isHeldBack(isSuspect: boolean): boolean {
    const time = monotonic();
    if (count(({ aloneUntil }) => aloneUntil > time) > 0) return true;
    if (isSuspect) {
      if (taken.size === 0) return false;
      waiting ??= { since: time, asked: time };
      waiting.asked = time;
      return time - waiting.since < HELD_BACK_MS;
    }
    if (!waiting) return false;
    const isStill = time - waiting.asked < STILL_WANTED_MS &&
      time - waiting.since < HELD_BACK_MS;
    if (!isStill) waiting = undefined;
    return isStill;
  }

  function mayFit({ clientId, tool }: Applicant): boolean {
    tidyUp();
    return taken.size < concurrency &&
      count((other) => other.clientId === clientId) < maxRunning &&
      count((other) => other.tool === tool) < concurrencyOf(tool);
  }

  return {
    mayFit,
    take(applicant) {
      const { isSuspect = false } = applicant;
      if (!mayFit(applicant) || isHeldBack(isSuspect)) return undefined;
      const token = uuid();
      const isAlone = isSuspect && taken.size === 0;
      if (isSuspect) waiting = undefined;
      taken.set(token, {
        ...applicant,
        isLost: isPast(monotonic, monotonic() + OVERRUN_MS),
        aloneUntil: isAlone ? monotonic() + aloneMs : -Infinity,
      });
      return token;
    },
    countOf: (clientId) => count((other) => other.clientId === clientId),
    free() {
      tidyUp();
      return Math.max(0, concurrency - taken.size);
    },
    extend(token, ms) {
      const slot = taken.get(token);
      // A slice is one of the wall clock's; without one nobody stops the job.
      if (slot) slot.isLost = isPast(now, now() + ms + OVERRUN_MS);
    },
    clear(token) {
      const slot = taken.get(token);
      if (!slot || slot.aloneUntil <= monotonic()) return false;
      slot.aloneUntil = -Infinity;
      return true;
    },
    giveBack(token) {
      if (token !== undefined) taken.delete(token);
    },
  };
}
