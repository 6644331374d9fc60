/** `./testing`: a server for tests of one's own tools, and the contracts. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { defineTool, type KvLike, type } from "@countersign/mcp";
import { sqliteKv } from "@countersign/mcp/node";
import {
  countingKv,
  createTestServer,
  faultContract,
  faultyKv,
  jobContract,
  kvContract,
  memoryKv,
} from "@countersign/mcp/testing";
import { cursorContract } from "../src/testing/list_contract.ts";

const HOUR = 3_600_000;

const tools = {
  remind: defineTool({
    description: "Says it an hour later",
    input: type({ what: "string" }),
    job: true,
    run: async ({ what }, { sleep }) => {
      await sleep(HOUR);
      return what;
    },
  }),
  breaks: defineTool({
    description: "Breaks",
    input: type({}),
    run: (): string => {
      throw new Error("Broken");
    },
  }),
};

Deno.test("a test server calls tools, tells its log, and its clock is set forward", async () => {
  await using server = createTestServer({ tools, jobs: { drive: false } });
  const { client, clock, lines, work } = server;
  const job = await client.start("remind", { what: "tea" });
  await assertRejects(() => client.call("breaks"), Error);
  assert(lines.some(({ fields }) => String(fields.error).includes("Broken")));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assertEquals((await work()).ran, 0);
  clock.forward(HOUR + 1);
  assertEquals((await work()).ran, 1);
  assertEquals(await job.result(), "tea");
});

Deno.test("a counting store counts, a failing one fails as it is told to", async () => {
  const kv = countingKv(memoryKv());
  await kv.atomic().set(["a"], new Uint8Array(1)).commit();
  await kv.get(["a"]);
  assertEquals(kv.counts, { gets: 1, lists: 0, commits: 1 });
  const faulty = faultyKv(
    kv,
    (operation) => operation === "commit" ? "lands and fails" : undefined,
  );
  await assertRejects(
    () => faulty.atomic().set(["b"], new Uint8Array(1)).commit(),
    Error,
  );
  assert((await kv.get(["b"])).versionstamp);
});

Deno.test("a KV in memory holds the contracts", async (test) => {
  for (
    const [name, check] of Object.entries({ ...kvContract, ...cursorContract })
  ) {
    await test.step(name, () => check(memoryKv(), "a"));
  }
  for (const [name, check] of Object.entries(jobContract)) {
    await test.step(name, () => check(memoryKv()));
  }
});

const STORES: Record<string, () => Promise<KvLike>> = {
  "a KV in memory": () => Promise.resolve(memoryKv()),
  "a Deno.Kv": () => Deno.openKv(":memory:"),
  "SQLite": () => sqliteKv({ path: ":memory:" }),
};

for (const [store, open] of Object.entries(STORES)) {
  for (const [name, check] of Object.entries(faultContract)) {
    Deno.test(`${store}: ${name}`, () => check(open));
  }
}

/** Stores with a fault each, which a contract must find. */
const BROKEN: Record<string, (kv: KvLike) => Partial<KvLike>> = {
  "takes no notice of checks": (kv) => ({
    atomic() {
      const atomic = kv.atomic();
      return Object.assign(atomic, { check: () => atomic });
    },
  }),
  "forgets deletes": (kv) => ({
    atomic() {
      const atomic = kv.atomic();
      return Object.assign(atomic, { delete: () => atomic });
    },
  }),
  "lists nothing": (kv) => ({
    list: () => kv.list({ prefix: ["nothing"] }),
  }),
  "lists past the limit": (kv) => ({
    list: (selector, options) => kv.list(selector, { ...options, limit: 1e3 }),
  }),
  "reads nothing": () => ({
    get: (key) => Promise.resolve({ key, value: null, versionstamp: null }),
  }),
};

for (const [fault, breakIt] of Object.entries(BROKEN)) {
  Deno.test(`the contracts find a store that ${fault}`, async () => {
    for (const contract of [kvContract, jobContract]) {
      let failed = 0;
      for (const check of Object.values<typeof kvContract[string]>(contract)) {
        const kv = memoryKv();
        await check({ ...kv, ...breakIt(kv) }, "a").catch(() => failed++);
      }
      assert(failed > 0, "nobody noticed");
    }
  });
}
