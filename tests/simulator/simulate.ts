/** One seed: a world is made of it, runs to its end, and is judged. */
import { type Clients, startClients } from "./clients.ts";
import { createFleet, type Fleet } from "./fleet.ts";
import { guardGlobals } from "./guard.ts";
import type { SharedKv } from "./kv_shared.ts";
import { createKvModel } from "./kv_model.ts";
import { type Ledger, openLedger } from "./ledger.ts";
import { drawMix, type Mix, NO_FAULTS } from "./mix.ts";
import { LONGEST_JUMP_MS, planTroubles } from "./nemesis.ts";
import { openRunBook } from "./runs.ts";
import { drawScript, expectedTimes } from "./scripts.ts";
import { createWorld, type World, type WorldReport } from "./world.ts";

/** What became of a seed. */
export interface Verdict extends WorldReport {
  readonly seed: number;
  readonly mix: Mix;
  /** Virtual milliseconds. */
  readonly lastedMs: number;
}

/**
 * Longer than the longest backoff and any sleep. A job that kills its process
 * again and again may each time wait for a clock that is behind its last one.
 */
function calmMs({ leaseMs, skewMs, jumps }: Mix): number {
  return leaseMs * 100 + 60_000 + (skewMs + jumps * LONGEST_JUMP_MS) * 4;
}

/** The one that drives an instance, or that of its cron. */
const IDLE_TIMERS = 1;
/** What is left without a job goes after an hour. */
const LATER_MS = 2 * 3_600_000;

/**
 * Simulates a seed.
 *
 * @param given The mix to use; without, the seed draws one.
 */
export async function simulateSeed(
  seed: number,
  given?: Mix,
): Promise<Verdict> {
  const world = createWorld(seed);
  const mix = given ?? drawMix(world.streams.mix);
  const release = guardGlobals(world);
  try {
    await runWorld(world, mix);
  } finally {
    release();
  }
  return { ...world.report, seed, mix, lastedMs: world.now() };
}

/** The mix that a seed draws. */
export function mixOf(seed: number): Mix {
  return drawMix(createWorld(seed).streams.mix);
}

async function runWorld(world: World, mix: Mix): Promise<void> {
  const { load } = world.streams;
  const orders = Array.from({ length: mix.jobs }, (_, number) => {
    const kind = load.pick(mix.kinds);
    const isNew = mix.deployments > 0 && load.chance(0.3);
    return {
      clientId: `c${number % mix.clients}`,
      requestId: `r${number}`,
      number,
      script: drawScript(load, kind, mix.leaseMs, isNew),
    };
  });
  const scripts = new Map(
    orders.map(({ requestId, script }) => [requestId, script]),
  );
  const model = createKvModel();
  const ledger = openLedger(world, {
    mix,
    model,
    scriptOf(requestId) {
      const script = scripts.get(requestId);
      if (script) return script;
      throw new Error(`A job was accepted that nobody ordered: ${requestId}`);
    },
  });
  const book = openRunBook(world, mix, ledger);
  const shared: SharedKv = {
    model,
    network: mix.network,
    onLanded: ledger.onLanded,
    watchers: new Set(),
  };
  const waitMs = load.pick([0, 0, 200]);
  const fleet = createFleet(world, { mix, shared, ledger, book, waitMs });
  for (let i = 0; i < mix.instances; i++) fleet.boot();
  const clients = startClients(world, { mix, fleet, ledger, orders });
  planTroubles(world, fleet, mix);

  await world.run(mix.chaosMs, () => false);
  world.note("--- nothing goes wrong from here on");
  shared.network = { ...mix.network, faults: NO_FAULTS };
  if (mix.deployments > 0) finishDeployment(fleet);
  const until = world.now() + calmMs(mix);
  const isDone = await world.run(
    until,
    () => clients.areDone() && ledger.isAtRest(),
  );
  if (!isDone) blameUnrest(world, ledger, clients);
  // What was frozen, or under way, may do harm after the end.
  await world.run(world.now() + mix.leaseMs * 6, () => false);
  if (!isDone) return;
  if (mix.kind === "calm") checkExactly(world, ledger, mix);
  checkTidiness(world, fleet, shared);
  await removeAll(world, fleet, ledger, mix);
}

/** Something sees to it that in the end the new release runs everywhere. */
function finishDeployment(fleet: Fleet): void {
  fleet.release = 2;
  for (const { process, release } of fleet.living()) {
    if (release === 1) process.kill();
  }
}

/** Nobody runs for hours; then one instance boots, and tidies up. */
async function removeAll(
  world: World,
  fleet: Fleet,
  ledger: Ledger,
  mix: Mix,
): Promise<void> {
  for (const { process } of fleet.living()) process.kill();
  world.skipTo(
    world.now() + mix.retentionMs + LATER_MS + mix.skewMs + 2 * LONGEST_JUMP_MS,
  );
  fleet.boot();
  const until = world.now() + mix.leaseMs * 200;
  if (await world.run(until, () => ledger.leftOver().length === 0)) return;
  for (const key of ledger.leftOver()) {
    world.blame("something is left", JSON.stringify(key));
  }
}

function blameUnrest(world: World, ledger: Ledger, clients: Clients): void {
  const unfinished = ledger.jobs.values()
    .filter(({ endedAt }) => endedAt === undefined).toArray();
  for (const { requestId, script: { kind } } of unfinished) {
    world.blame(`a job of kind "${kind}" never ended`, requestId);
  }
  if (unfinished.length > 0) return;
  world.blame("a client was never answered", clients.unanswered().join(", "));
}

/** Where nothing went wrong, nothing was done in vain. */
function checkExactly(world: World, ledger: Ledger, mix: Mix): void {
  const isSliced = mix.sliceMs < Infinity;
  for (const { script, begun, record, requestId } of ledger.jobs.values()) {
    if (record.status !== script.end) continue;
    for (const [name, times] of expectedTimes(script)) {
      if (begun.get(name) === times || (name === "run" && isSliced)) continue;
      world.blame(
        `"${name.replace(/ \d+/, "")}" was not done as often as it should be`,
        `${requestId} ${name}: ${begun.get(name)}, not ${times}`,
      );
    }
  }
}

/** What is over leaves nothing running. */
function checkTidiness(
  world: World,
  fleet: Fleet,
  { watchers }: SharedKv,
): void {
  const living = fleet.living();
  for (const { process } of living) {
    const timers = world.timersOf(process);
    if (timers > IDLE_TIMERS) {
      world.blame("timers are left", `${process.name}: ${timers}`);
    }
  }
  for (const { owner } of watchers) {
    if (!owner.isDead) world.blame("a watch is left", owner.name);
  }
}
