/** Some seeds of the simulator, and that it would find what it looks for. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { runCampaign } from "./simulator/campaign.ts";
import type { Mix } from "./simulator/mix.ts";
import { mixOf, simulateSeed } from "./simulator/simulate.ts";

const SEEDS = 150;

Deno.test("in simulated worlds every promise about jobs is kept", async () => {
  const { broken, reached } = await runCampaign({ from: 1, seeds: SEEDS });
  assertEquals(
    Object.fromEntries(broken),
    {},
    "see one again with `deno task simulate --seed`",
  );
  for (const what of ["a lease was taken over", "ended completed"]) {
    assert((reached.get(what) ?? 0) > SEEDS / 10, `too seldom: ${what}`);
  }
});

Deno.test("a seed's world is the same each time, and no other's", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const first = await simulateSeed(seed);
    const again = await simulateSeed(seed);
    assertEquals(again.trace, first.trace);
    assertEquals(again.hash, first.hash);
    assertNotEquals((await simulateSeed(seed + 1)).hash, first.hash);
  }
});

Deno.test("the simulator finds out a store whose commits check nothing", async () => {
  const uncheckedMixOf = (seed: number): Mix => {
    const mix = mixOf(seed);
    return { ...mix, network: { ...mix.network, isUnchecked: true } };
  };
  const { broken } = await runCampaign({
    from: 1,
    seeds: 100,
    mixOf: uncheckedMixOf,
  });
  assert(broken.has("a kept value was replaced"), [...broken.keys()].join());
  assert(broken.has("an ended job changed"), [...broken.keys()].join());
});
