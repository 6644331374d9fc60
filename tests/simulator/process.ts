/** A process of a world: it has clocks and timers, and can freeze and die. */
import type { Timing } from "../../src/timing.ts";
import { type Random, randomUuid } from "./random.ts";
import type { Owner, WorldEvent } from "./event_queue.ts";
import type { World } from "./world.ts";

/** A process. */
export interface Process extends Owner, Timing {
  readonly name: string;
  /** Sets the wall clock by `ms`, forwards or back. */
  jump(ms: number): void;
  /** Stops it for `ms`: what falls due meanwhile comes all at once after. */
  freeze(ms: number): void;
  /** Kills it; what it sent is under way still. */
  kill(): void;
}

/** How a process's clocks stand. */
export interface Clocks {
  /** How far the wall clock is off, in milliseconds. */
  readonly offsetMs: number;
  /** How fast the monotonic clock goes; 1 is right. */
  readonly rate: number;
  /** Whether the monotonic clock stands while the process does. */
  readonly standsWhileFrozen: boolean;
}

/** Starts a process. */
export function createProcess(
  world: World,
  name: string,
  { offsetMs, rate, standsWhileFrozen }: Clocks,
  onDeath: () => void = () => {},
): Process {
  const { streams: { engine, schedule } } = world;
  const own: Random = engine.fork();
  let offset = Math.round(offsetMs);
  let isFrozen = false;
  let isDead = false;
  let stoodMs = 0;
  let held: WorldEvent[] = [];

  const process: Process = {
    name,
    get isDead() {
      return isDead;
    },
    get isFrozen() {
      return isFrozen;
    },
    hold: (event) => void held.push(event),
    now: () => world.date() + offset,
    monotonic: () => Math.round((world.now() - stoodMs) * rate),
    after(ms, run) {
      const event = world.schedule(ms, "timer", process, run);
      return () => void (event.isCancelled = true);
    },
    uuid: () => randomUuid(own),
    random: () => own.number(),
    jump: (ms) => void (offset += Math.round(ms)),

    freeze(ms) {
      if (isFrozen || isDead) return;
      isFrozen = true;
      world.note(`${name} freezes for ${Math.ceil(ms)}`);
      world.schedule(ms, "silent", undefined, () => {
        isFrozen = false;
        if (standsWhileFrozen) stoodMs += Math.ceil(ms);
        world.note(`${name} thaws`);
        const isMixed = schedule.chance(0.5);
        const events = held;
        held = [];
        for (const event of events) {
          const inLine = (event.kind === "timer" ? 0 : 1) + event.serial / 1e9;
          world.release(event, isMixed ? schedule.number() : inLine);
        }
      });
    },

    kill() {
      if (isDead) return;
      isDead = true;
      held = [];
      world.note(`${name} dies`);
      onDeath();
    },
  };
  return process;
}

/** Waits in a process. */
export function pauseIn(
  process: Process,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const callOff = process.after(ms, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    signal?.addEventListener("abort", stop, { once: true });
    function stop() {
      callOff();
      reject(signal?.reason);
    }
  });
}
