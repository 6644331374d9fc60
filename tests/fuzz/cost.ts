/** What a request may cost: five times what accepting one of its size does. */
import process from "node:process";
import type { Sent } from "./observed_server.ts";
import { must } from "./violation.ts";

/** Sends a call of about so many bytes that is accepted. */
export type Accept = (bytes: number) => Promise<Pick<Sent, "cpuMs">>;

export interface Budget {
  /**
   * @param again Sends the same once more: a collection of garbage, or another
   * process, may have been what it took so long for.
   * @throws {Violation}
   */
  check(
    bytes: number,
    sent: Pick<Sent, "cpuMs">,
    again: () => Promise<Pick<Sent, "cpuMs">>,
  ): Promise<void>;
}

const TIMES = 5;
/** Below this a measurement says nothing. */
const LEAST_MS = 10;
const MEGABYTE = 1_000_000;
/** Bytes of the calls that are measured. */
const SAMPLE = 250_000;

/** The processor time of some work: the least of three runs, where one is too long. */
export async function leastMs(
  work: () => Promise<unknown>,
  enough: number,
): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < 3 && least > enough; i++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

export async function measureBudget(accept: Accept): Promise<Budget> {
  let perMegabyte = 0;
  for (let i = 0; i < 3; i++) {
    const { cpuMs } = await accept(SAMPLE);
    if (i === 0) continue; // nothing is compiled yet
    perMegabyte = Math.max(perMegabyte, cpuMs * MEGABYTE / SAMPLE);
  }
  const allowed = (bytes: number) =>
    TIMES * (LEAST_MS + perMegabyte * bytes / MEGABYTE);
  return {
    async check(bytes, { cpuMs }, again) {
      let least = cpuMs;
      for (let i = 0; i < 2 && least > allowed(bytes); i++) {
        least = Math.min(least, (await again()).cpuMs);
      }
      must(
        least <= allowed(bytes),
        "refusing costs no more than accepting",
        () =>
          `too much: ${bytes} bytes took ${least.toFixed()} ms of processor, ` +
          `allowed are ${allowed(bytes).toFixed()}`,
      );
    },
  };
}
