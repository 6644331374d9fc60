/** Refusing costs no more than accepting, in time and in memory. */
import { cpuUsage } from "node:process";
import { assert, assertEquals } from "@std/assert";
import {
  envelopes,
  measuredServer,
  messages,
  type Sample,
} from "../bench/worst_bodies.ts";

const MIB = 1_048_576;
const { handle } = measuredServer();

/** The least time of the processor's that a request took, in milliseconds. */
async function costOf(sample: Sample, tries: number): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < tries; i++) {
    const request = sample.request();
    const before = cpuUsage();
    const response = await handle(request);
    const text = await response.text();
    const { user, system } = cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
    assertEquals(response.status, sample.status, `${sample.name}: ${text}`);
    assert(text.length < 10_000, `${sample.name}: ${text.length} characters`);
  }
  return least;
}

for (const [protocol, list] of Object.entries({ envelopes, messages })) {
  Deno.test(`refusing 1 MiB is of the order of accepting it: ${protocol}`, async () => {
    const rss = Deno.memoryUsage().rss;
    const dear: string[] = [];
    for (const { accepted, refused } of list) {
      // Twice is what bench/refusals_bench.ts shows; on a busy machine a test can
      // tell no more than that it is not the 50 to 100 times that it once was.
      const limit = 10 * await costOf(accepted, 4);
      for (const sample of refused) {
        // Again, where the machine was busy with something else.
        for (let tries = 2;; tries *= 2) {
          const cost = await costOf(sample, tries);
          if (cost <= limit) break;
          if (tries < 16) continue;
          dear.push(`${sample.name}: ${cost} ms, not ${limit}`);
          break;
        }
      }
    }
    assertEquals(dear, []);
    const grown = Deno.memoryUsage().rss - rss;
    assert(grown < 500 * MIB, `the process grew by ${grown / MIB} MiB`);
  });
}
