/** The instances of a world: booted, stopped, replaced. */
import { createTools } from "./tools.ts";
import { type Engine, startEngine } from "./engine.ts";
import { connectProcess } from "./kv_link.ts";
import type { SharedKv } from "./kv_shared.ts";
import type { Ledger } from "./ledger.ts";
import type { Mix } from "./mix.ts";
import { createProcess, type Process } from "./process.ts";
import type { RunBook } from "./runs.ts";
import type { World } from "./world.ts";

/** An instance. */
export interface Instance {
  readonly process: Process;
  readonly engine: Engine;
  readonly release: 1 | 2;
}

/** The instances of a world. */
export interface Fleet {
  /** Those that are not dead; frozen ones, too. */
  living(): Instance[];
  /** Boots an instance of the current release. */
  boot(): void;
  /** Stops one in an orderly way, and kills it once it has stopped. */
  stop(instance: Instance): void;
  /** What is booted from now on. */
  release: 1 | 2;
}

/** What instances are made of. */
export interface FleetOptions {
  readonly mix: Mix;
  readonly shared: SharedKv;
  readonly ledger: Ledger;
  readonly book: RunBook;
  readonly waitMs: number;
}

/** Platforms kill a process that takes longer to stop. */
const STOP_WITHIN_MS = 5000;

/** Makes a fleet, with no instance yet. */
export function createFleet(world: World, options: FleetOptions): Fleet {
  const { mix, shared, ledger, book, waitMs } = options;
  const { load } = world.streams;
  const instances: Instance[] = [];

  /** A number from -most to most. */
  const apart = (most: number) => most * (2 * load.number() - 1);

  function workNowAndThen({ process, engine }: Instance): void {
    const look = () => {
      engine.work()
        .catch((error) => world.note(`${process.name} work: ${error.message}`))
        .finally(() => process.after(mix.leaseMs / 2, look));
    };
    process.after(mix.leaseMs / 2, look);
  }

  /** Something restarts what died. */
  function replaceSoon(): void {
    world.schedule(load.between(1, mix.leaseMs), "silent", undefined, () => {
      if (fleet.living().length < mix.instances) fleet.boot();
    });
  }

  const fleet: Fleet = {
    release: 1,
    living: () => instances.filter(({ process }) => !process.isDead),

    boot() {
      const { release } = fleet;
      const process = createProcess(world, `i${instances.length}`, {
        offsetMs: apart(mix.skewMs / 2),
        rate: 1 + apart(mix.drift),
        standsWhileFrozen: mix.standsWhileFrozen,
      }, replaceSoon);
      world.note(`${process.name} boots with release ${release}`);
      const kv = connectProcess(world, process, shared);
      const { find } = ledger;
      const tools = createTools(process, { book, release, waitMs, find });
      const engine = startEngine(world, process, kv, tools, mix);
      const instance = { process, engine, release };
      instances.push(instance);
      if (!mix.drives) workNowAndThen(instance);
    },

    stop({ process, engine }) {
      world.note(`${process.name} is asked to stop`);
      world.schedule(0, "answer", process, () => {
        engine.stop().then(
          () => world.note(`${process.name} has stopped`),
          (error) => world.blame("a stop failed", error.message),
        ).finally(() => process.kill());
      });
      world.schedule(STOP_WITHIN_MS, "silent", undefined, () => process.kill());
    },
  };
  return fleet;
}
