/** What befalls processes: SIGKILL, SIGTERM, and SIGSTOP for longer than a lease. */
import { type Process, startProcess } from "../support/processes.ts";

/** Processes that troubles befall. */
export interface TroubledFleet extends AsyncDisposable {
  /** The address of one of them. */
  anyUrl(): string;
  /** How often what befell them. */
  readonly troubles: Readonly<Record<"killed" | "stopped" | "frozen", number>>;
  /** Ends the troubles; what runs goes on. */
  rest(): Promise<void>;
}

/** How troubles come. */
export interface TroubledFleetOptions {
  readonly count: number;
  readonly env: Record<string, string>;
  readonly file: URL;
  readonly leaseMs: number;
  /** Longest time between two troubles, in milliseconds. */
  readonly gapMs: number;
}

/** Starts processes, and troubles. */
export async function startFleet(
  { count, env, file, leaseMs, gapMs }: TroubledFleetOptions,
): Promise<TroubledFleet> {
  const start = () => startProcess(env, file);
  const processes = await Promise.all(Array.from({ length: count }, start));
  const troubles = { killed: 0, stopped: 0, frozen: 0 };
  const befallen = new Set<Process>();
  let rests = false;
  let closes = false;

  /** Whatever ended it, another takes its place. */
  const kept = processes.map(async (_, place) => {
    for (;;) {
      await processes[place].ended;
      await processes[place].kill(); // reads its output to the end
      if (closes) return;
      processes[place] = await start();
    }
  });

  async function befall(process: Process): Promise<void> {
    const drawn = Math.random();
    if (drawn < 0.4) {
      troubles.frozen++;
      unlessEnded(() => process.suspend());
      await pause(leaseMs * (0.5 + 4 * Math.random()));
      unlessEnded(() => process.resume());
    } else if (drawn < 0.75) {
      troubles.killed++;
      await process.kill("SIGKILL");
    } else {
      troubles.stopped++;
      await process.kill("SIGTERM");
    }
  }

  const nemesis = (async () => {
    const busy = [];
    while (!rests) {
      await pause(gapMs * (0.2 + 0.8 * Math.random()));
      const process = processes[Math.floor(Math.random() * count)];
      if (rests || befallen.has(process)) continue;
      befallen.add(process);
      busy.push(befall(process).finally(() => befallen.delete(process)));
    }
    await Promise.all(busy);
  })();

  return {
    anyUrl: () => processes[Math.floor(Math.random() * count)].url,
    troubles,
    async rest() {
      rests = true;
      await nemesis;
    },
    async [Symbol.asyncDispose]() {
      rests = true;
      await nemesis;
      closes = true;
      await Promise.all(processes.map((process) => process.kill("SIGTERM")));
      await Promise.all(kept);
    },
  };
}

/** A job may have killed its process just now. */
function unlessEnded(signal: () => void): void {
  try {
    signal();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
