/**
 * Looks for jobs that are due, and begins those that there is room for: the
 * clients in turn, so that one client's backlog does not hold up another's job.
 *
 * @module
 */

import type { Log } from "../log.ts";
import type { Tools } from "../tool/tool.ts";
import type { Timing } from "../timing.ts";
import { isFinal, isSuspect, type Job } from "./job.ts";
import { logFields } from "./log_fields.ts";
import type { Sightings } from "./sightings.ts";
import type { Slots } from "./slots.ts";
import type { Due, JobStore, StoredJob, Unreadable } from "./store.ts";

/** What one look came to. */
export interface Look {
  /** The runs that it began. */
  readonly begun: Promise<unknown>[];
  /** Final jobs that version 0.1 left among those to run. */
  readonly final: StoredJob[];
  /** When the next job is due, in Unix milliseconds, if that is soon. */
  nextAt: number | undefined;
  /** Milliseconds after which to look again, for what may not be taken yet. */
  againMs: number;
  /** Whether there was more to begin than there was room for. */
  isBacklogged: boolean;
}

/** A job that was begun: to be awaited apart from its beginning. */
export interface Begun {
  readonly run: Promise<StoredJob | undefined>;
}

/** What a look works with. */
export interface LookServices {
  readonly store: JobStore;
  readonly tools: Tools;
  readonly slots: Slots;
  readonly sightings: Sightings;
  /** Jobs that somebody waits for, by id: they are the first of their client's. */
  readonly wanted: ReadonlyMap<string, StoredJob>;
  readonly log: Log;
  readonly timing: Timing;
  /** Whether a job runs here. */
  runsHere(id: string): boolean;
  /** Claims a job in a slot and begins it; `undefined` if somebody else did. */
  begin(stored: StoredJob, token: string): Promise<Begun | undefined>;
}

/** Entries listed at once, and lists read for one look. */
const PAGE = 250;
const MOST_PAGES = 4;
/** Keys that `getMany` takes. */
const KEYS_A_READ = 10;
/** How far ahead a look sees what comes next. */
const AHEAD_MS = 60_000;
/** How long a job waits for an instance that has its tool. */
export const NO_TOOL_MS = 3_600_000;
/** How long an unreadable job is left alone. */
const SET_ASIDE_MS = 3_600_000;
/** How soon a suspect that waits for its turn asks again. */
const SUSPECT_AGAIN_MS = 1000;

/** Begins up to `limit` of the jobs that are due. */
export async function lookForWork(
  limit: number,
  services: LookServices,
): Promise<Look> {
  const { store, timing } = services;
  const look: Look = {
    begun: [],
    final: [],
    nextAt: undefined,
    againMs: Infinity,
    isBacklogged: false,
  };
  const time = timing.now();
  let after: Due | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const listed = await store.due(time + AHEAD_MS, PAGE, after);
    const due = listed.filter(({ at }) => at <= time);
    look.nextAt = listed[due.length]?.at;
    const first = page === 0 ? addWanted(due, time, services) : due;
    await beginSome(inTurn(first, services), limit, look, services);
    const isFull = look.begun.length >= limit || services.slots.free() === 0;
    if (isFull) look.isBacklogged ||= due.length > 0;
    if (isFull || due.length < PAGE) break;
    after = due.at(-1);
  }
  return look;
}

/** Those that somebody waits for may stand far behind. */
function addWanted(due: Due[], time: number, { wanted }: LookServices): Due[] {
  const listed = new Set(due.map(({ id }) => id));
  const more = [...wanted.values()].filter(({ job }) =>
    !listed.has(job.id) && job.dueAt <= time
  );
  return [
    ...due,
    ...more.map(({ job: { id, dueAt: at, clientId, tool } }) => {
      return { id, at, clientId, tool };
    }),
  ];
}

/** Puts one job of each client before the second of any. */
function inTurn(
  due: readonly Due[],
  { slots, wanted, timing, runsHere }: LookServices,
): Due[] {
  const turns = new Map<string | undefined, number>();
  return due.filter(({ id }) => !runsHere(id))
    .sort((a, b) => Number(wanted.has(b.id)) - Number(wanted.has(a.id)))
    .map((entry) => {
      const { clientId } = entry;
      const turn = turns.get(clientId) ?? slots.countOf(clientId ?? "");
      turns.set(clientId, turn + 1);
      // Instances that look at one time should not all want the same job.
      return { entry, turn: turn + timing.random() / 2 };
    })
    .sort((a, b) => a.turn - b.turn)
    .map(({ entry }) => entry);
}

async function beginSome(
  due: readonly Due[],
  limit: number,
  look: Look,
  services: LookServices,
): Promise<void> {
  const { slots, store } = services;
  const waiting = [...due];
  while (waiting.length > 0) {
    const room = Math.min(slots.free(), limit - look.begun.length);
    if (room <= 0) {
      look.isBacklogged = true;
      return;
    }
    const some: Due[] = [];
    while (some.length < Math.min(room, KEYS_A_READ)) {
      const entry = waiting.shift();
      if (!entry) break;
      if (mayRun(entry, look, services)) some.push(entry);
    }
    const found = await store.readMany(some.map(({ id }) => id));
    await Promise.all(
      some.map((entry, i) => consider(entry, found[i], look, services)),
    );
  }
}

/** What the entry alone tells, before its job costs a read. */
function mayRun(
  { at, clientId, tool }: Due,
  look: Look,
  { slots, tools, timing }: LookServices,
): boolean {
  if (clientId === undefined || tool === undefined) return true;
  if (!tools[tool]?.job && timing.now() - at < NO_TOOL_MS) return false;
  if (slots.mayFit({ clientId, tool })) return true;
  look.isBacklogged = true;
  return false;
}

async function consider(
  entry: Due,
  found: StoredJob | Unreadable | undefined,
  look: Look,
  services: LookServices,
): Promise<void> {
  const { store, log, timing, tools, sightings } = services;
  if (found === undefined) return await store.forget(entry);
  if ("error" in found) {
    log("error", "A job is unreadable, and set aside for an hour", {
      job_id: entry.id,
      error: found.error,
    });
    return await store.setAside(entry, timing.now() + SET_ASIDE_MS);
  }
  const { job } = found;
  if (job.dueAt !== entry.at) await store.forget(entry);
  if (job.dueAt > timing.now() || services.runsHere(job.id)) return;
  if (isFinal(job)) return void look.final.push(found);
  if (!tools[job.tool]?.job && timing.now() - job.dueAt < NO_TOOL_MS) return;
  const waitMs = sightings.waitMs(found);
  if (waitMs > 0) {
    look.againMs = Math.min(look.againMs, waitMs);
    return;
  }
  await beginOne(found, look, services);
}

async function beginOne(
  stored: StoredJob,
  look: Look,
  { slots, log, begin }: LookServices,
): Promise<void> {
  const token = slots.take(applicantOf(stored.job));
  if (token === undefined) {
    look.isBacklogged = true;
    if (isSuspect(stored.job)) look.againMs = SUSPECT_AGAIN_MS;
    return;
  }
  try {
    const begun = await begin(stored, token);
    if (begun) look.begun.push(begun.run);
  } catch (error) {
    // One job that cannot be claimed holds up no other.
    log("warn", "A job could not be taken up", {
      ...logFields(stored.job),
      error,
    });
  }
}

/** Whose slot a job wants. */
export function applicantOf(job: Job) {
  const { clientId, tool } = job;
  return { clientId, tool, isSuspect: isSuspect(job) };
}
