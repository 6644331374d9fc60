/**
 * What becomes of a job when its store fails: nothing is lost, nothing doubled.
 *
 * Each check takes what opens an empty store, and may open many.
 *
 * @module
 */

import type { KvLike } from "../kv/kv.ts";
import { spendInKv } from "../kv/nonces.ts";
import { defineTool } from "../tool/tool.ts";
import { type } from "../tool/schema.ts";
import { assert, assertEquals } from "./expect.ts";
import { type Fault, type FaultPlan, faultyKv } from "./faulty_kv.ts";
import { createTestServer } from "./test_server.ts";

/** Checks the jobs of a store that is made to fail; it throws where one is lost. */
export type FaultCheck = (open: () => Promise<KvLike>) => Promise<void>;

const FAULTS: readonly Fault[] = [
  "refuses",
  "lands and fails",
  "is locked",
  "is slow",
];

/** What jobs in a failing store can rely on, as sentences, each with its check. */
export const faultContract: Readonly<Record<string, FaultCheck>> = {
  ...Object.fromEntries(FAULTS.map((fault) => [
    `a job survives a store that ${fault} at any one operation`,
    (open: () => Promise<KvLike>) => failOnce(open, fault),
  ])),

  async "a job survives a store that fails every third time, in every way"(
    open,
  ) {
    for (let seed = 1; seed <= 5; seed++) {
      let state = seed;
      const random = () => (state = state * 48271 % 2147483647) / 2147483647;
      const outcome = await runJob(
        await open(),
        () => random() < 1 / 3 ? FAULTS[Math.floor(random() * 4)] : undefined,
      );
      assertEquals(new Set(outcome.done).size, 3);
      assertEquals({ ...outcome, done: [] }, { ...WHOLE, done: [] });
    }
  },

  async "a nonce is spent once by whoever got a doubtful answer"(open) {
    for (const fault of FAULTS) {
      const kv = await open();
      let left = 2;
      const plan: FaultPlan = (operation) =>
        operation === "commit" && left-- > 0 ? fault : undefined;
      const spend = spendInKv(faultyKv(kv, plan), ["test"]);
      const expiresAt = Date.now() + 60_000;
      const value = crypto.randomUUID();
      const nonce = { clientId: "client", value, expiresAt };
      assertEquals(await spend(nonce), true);
      left = 2;
      assertEquals(await spend(nonce), false);
      kv.close?.();
    }
  },
};

const WHOLE = { result: 100_000, done: [1, 2, 3], jobs: 1, active: 0 };

async function failOnce(
  open: () => Promise<KvLike>,
  fault: Fault,
): Promise<void> {
  let operations = 0;
  const count = () => (operations++, undefined);
  assertEquals(await runJob(await open(), count), WHOLE);
  assert(operations >= 7, `only ${operations} operations`);
  for (let at = 0; at < operations; at++) {
    let index = 0;
    const plan = () => index++ === at ? fault : undefined;
    const outcome = await runJob(await open(), plan);
    assertEquals({ at, ...outcome }, { at, ...WHOLE });
  }
}

/** One job of three steps on a store that fails by plan; what became of it. */
async function runJob(kv: KvLike, plan: FaultPlan): Promise<typeof WHOLE> {
  const done: number[] = [];
  const tools = {
    three_steps: defineTool({
      description: "Does three things",
      input: type({ text: "string" }),
      job: { attempts: 5, backoffMs: 0 },
      run: async ({ text }, { step }) => {
        for (let i = 1; i <= 3; i++) {
          await step(`step ${i}`, () => done.push(i));
        }
        return text.length;
      },
    }),
  };
  const serverId = `faults-${crypto.randomUUID()}`;
  const { client, stop } = createTestServer({
    tools,
    serverId,
    kv: faultyKv(kv, plan),
    jobs: { leaseMs: 300 },
  });
  const text = "x".repeat(100_000);
  const job = await startPatiently(() => client.start("three_steps", { text }));
  const result = await job.result();
  await stop();
  const count = async (kind: string) => {
    let found = 0;
    const prefix = ["countersign", serverId, kind];
    for await (const _ of kv.list({ prefix })) found++;
    return found;
  };
  const [jobs, active] = [await count("job"), await count("active")];
  kv.close?.();
  return { result, done, jobs, active };
}

/** A call that was refused as unavailable may be made again. */
async function startPatiently<T>(start: () => Promise<T>): Promise<T> {
  for (let tries = 1;; tries++) {
    try {
      return await start();
    } catch (error) {
      if (tries === 20) throw error;
    }
  }
}
