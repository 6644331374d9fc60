/**
 * A world: virtual time, and everything that happens in it, one event after
 * another, in an order that a seed decides.
 *
 * After an event every microtask runs before the next event does. Only a
 * macrotask can wait for that, and only one that costs a microsecond will do:
 * `setImmediate`, which also lets the runtime tell of rejections that nobody
 * handles while their seed still runs.
 */
import { setImmediate } from "node:timers";
import {
  createQueue,
  type EventKind,
  type Owner,
  type WorldEvent,
} from "./event_queue.ts";
import { createRandom, type Random } from "./random.ts";

/** Unix milliseconds at which every world begins. */
const EPOCH = 1_800_000_000_000;

/** Streams of chance: a draw from one moves no other. */
export interface Streams {
  /** Which faults and jobs there are. */
  readonly mix: Random;
  /** When things happen, and in which order. */
  readonly schedule: Random;
  /** What the engine draws. */
  readonly engine: Random;
  /** What goes wrong. */
  readonly faults: Random;
  /** What users do. */
  readonly load: Random;
}

/** A world. */
export interface World {
  readonly seed: number;
  readonly streams: Streams;
  /** Milliseconds since the world began. */
  now(): number;
  /** The same as Unix milliseconds. */
  date(): number;
  /** Lets something happen in `ms`. */
  schedule(
    ms: number,
    kind: EventKind,
    owner: Owner | undefined,
    run: () => void,
  ): WorldEvent;
  /** Lets an event that was held happen now, in its place among others. */
  release(event: WorldEvent, order: number): void;
  /**
   * Runs until `isDone`, at most until `time`.
   *
   * @returns Whether it was done.
   */
  run(time: number, isDone: () => boolean): Promise<boolean>;
  /** Skips to a time; what would have happened until then never does. */
  skipTo(time: number): void;
  /** Timers that an owner has set and not called off. */
  timersOf(owner: Owner): number;
  /** Writes a line of the trace. */
  note(line: string): void;
  /** Counts that something was reached at least once. */
  reach(what: string): void;
  /** Says that a promise was broken. */
  blame(violation: string, details?: string): void;
  /** What became of the world. */
  readonly report: WorldReport;
}

/** What became of a world. */
export interface WorldReport {
  readonly violations: Set<string>;
  readonly reached: Set<string>;
  /** The last lines of the trace. */
  readonly trace: string[];
  /** Differs where two runs differ. */
  hash: number;
  events: number;
}

/** Most events of a world: code that tries for ever would eat the memory. */
const MOST_EVENTS = 100_000;
const KEPT_LINES = 400;

/** Makes a world from a seed. */
export function createWorld(seed: number): World {
  const streams = createStreams(seed);
  const report = createReport();
  const queue = createQueue();
  let time = 0;
  let serial = 0;
  const note = (line: string) => addToTrace(report, time, line);

  /** Runs an event, and then all that it set off; unless it cannot happen now. */
  async function happen(event: WorldEvent): Promise<void> {
    const { owner, kind } = event;
    if (event.isCancelled || owner?.isDead) return;
    if (owner?.isFrozen) return owner.hold(event);
    report.events++;
    event.run();
    if (kind === "silent") return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  return {
    seed,
    streams,
    report,
    note,
    now: () => time,
    date: () => EPOCH + time,

    schedule(ms, kind, owner, run) {
      const event: WorldEvent = {
        // Whole milliseconds: half of one once made a job look lost.
        at: time + Math.max(0, Math.ceil(ms)),
        order: streams.schedule.number(),
        serial: serial++,
        ...{ owner, run, kind, isCancelled: false },
      };
      queue.push(event);
      return event;
    },

    release(event, order) {
      if (event.isCancelled) return;
      event.at = time;
      event.order = order;
      event.serial = serial++;
      queue.push(event);
    },

    async run(until, isDone) {
      while (!isDone()) {
        const event = queue.peek();
        if (event === undefined) return false;
        if (event.at > until) {
          time = until;
          return isDone();
        }
        queue.pop();
        time = event.at;
        await happen(event);
        if (report.events <= MOST_EVENTS) continue;
        report.violations.add("never comes to rest");
        return false;
      }
      return true;
    },

    skipTo(later) {
      queue.clear();
      time = later;
    },

    timersOf: (owner) =>
      queue.count((event) =>
        event.owner === owner && event.kind === "timer" && !event.isCancelled
      ),

    reach: (what) => void report.reached.add(what),
    blame(violation, details = "") {
      report.violations.add(violation);
      note(`VIOLATION ${violation} ${details}`);
    },
  };
}

function createReport(): WorldReport {
  return {
    violations: new Set(),
    reached: new Set(),
    trace: [],
    hash: 0x811c9dc5,
    events: 0,
  };
}

function createStreams(seed: number): Streams {
  const root = createRandom(seed);
  return {
    mix: root.fork(),
    schedule: root.fork(),
    engine: root.fork(),
    faults: root.fork(),
    load: root.fork(),
  };
}

/** Names and messages only, never a stack: a trace is the same each time. */
function addToTrace(report: WorldReport, time: number, line: string): void {
  let { hash } = report;
  for (let i = 0; i < line.length; i++) {
    hash = Math.imul(hash ^ line.charCodeAt(i), 0x01000193);
  }
  report.hash = hash >>> 0;
  report.trace.push(`${String(time).padStart(7)} ${line}`);
  if (report.trace.length >= 2 * KEPT_LINES) report.trace.splice(0, KEPT_LINES);
}
