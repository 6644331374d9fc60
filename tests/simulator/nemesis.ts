/** Whatever befalls instances: freezes, crashes, stops, clocks, deployments. */
import type { Fleet, Instance } from "./fleet.ts";
import type { Mix } from "./mix.ts";
import type { World } from "./world.ts";

/** How far a clock may be set, forwards or back. */
export const LONGEST_JUMP_MS = 300_000;

/** Plans what will go wrong, and when. */
export function planTroubles(world: World, fleet: Fleet, mix: Mix): void {
  const { faults } = world.streams;
  const { leaseMs, chaosMs } = mix;

  function plan(times: number, what: string, befall: (it: Instance) => void) {
    for (let i = 0; i < times; i++) {
      world.schedule(faults.between(1, chaosMs), "silent", undefined, () => {
        const living = fleet.living();
        if (living.length === 0) return;
        world.reach(what);
        befall(faults.pick(living));
      });
    }
  }
  plan(mix.freezes, "a freeze", ({ process }) => {
    process.freeze(leaseMs * (0.3 + 4 * faults.number()));
  });
  plan(mix.crashes, "a crash", ({ process }) => process.kill());
  plan(mix.stops, "an orderly stop", fleet.stop);
  plan(mix.jumps, "a clock set", ({ process }) => {
    const ms = faults.pick([leaseMs, LONGEST_JUMP_MS]) * faults.pick([-1, 1]);
    world.note(`${process.name}'s clock is set by ${ms}`);
    process.jump(ms);
  });
  plan(mix.deployments, "a deployment", () => {
    fleet.release = 2;
    // One after another: for a while both releases run.
    for (const [i, instance] of fleet.living().entries()) {
      const ms = i * leaseMs + faults.below(leaseMs);
      world.schedule(ms, "silent", undefined, () => {
        if (instance.process.isDead) return;
        fleet.boot();
        fleet.stop(instance);
      });
    }
  });
}
