/** Nothing of an attempt stays in memory once it is over. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assert } from "@std/assert";
import { defineTool, type } from "../mod.ts";
import { accept } from "../src/job/job.ts";
import { momentOf } from "../src/job/lease.ts";
import { kvJobStore } from "../src/job/kv_store.ts";
import type { JobStore } from "../src/job/store.ts";
import { createWorker } from "../src/job/worker.ts";
import { platformTiming } from "../src/timing.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const JOBS = 10_000;
const GROWTH_BYTES = 6_000_000;
const input = type({});

const tools = {
  quick: defineTool({
    description: "Is done at once",
    input,
    job: true,
    run: () => "done",
  }),
  naps: defineTool({
    description: "Holds a buffer, and sleeps",
    input,
    timeoutMs: 3_600_000,
    job: true,
    run: async (_args, { sleep, signal }) => {
      const buffer = new Uint8Array(10_000).fill(1);
      signal.addEventListener("abort", () => buffer.fill(2));
      await sleep(3_600_000);
      return buffer.length;
    },
  }),
};

const NAMES = {
  quick: "memory is flat over 10,000 quick jobs",
  naps: "memory is flat over 10,000 suspended jobs",
};

for (const tool of ["quick", "naps"] as const) {
  Deno.test(NAMES[tool], async () => {
    using kv = await Deno.openKv(":memory:");
    const jobs = runner(tool, kv);
    await jobs(1000); // whatever is compiled and cached is so by now
    const before = await memory();
    await jobs(JOBS);
    const grown = await memory() - before;
    assert(grown < GROWTH_BYTES, `${grown} bytes more for ${JOBS} jobs`);
  });
}

/** Runs jobs on one worker, each hundred on a store of its own. */
function runner(tool: keyof typeof tools, toolsKv: Deno.Kv) {
  const timing = platformTiming;
  let store: JobStore;
  const worker = createWorker({
    tools,
    store: new Proxy({} as JobStore, {
      get: (_, name) => store[name as keyof JobStore],
    }),
    kv: toolsKv,
    leaseMs: 15_000,
    retentionMs: 86_400_000,
    concurrency: 1000,
    log: () => {},
    timing,
  });
  async function runOne(): Promise<void> {
    const id = crypto.randomUUID();
    const request = { id, tool, clientId: "client", requestId: id };
    const begun = momentOf(timing);
    const job = accept(request, timing.now(), worker.takeSlot(request), 15_000);
    const acceptance = await store.accept(
      { ...job, args: {} },
      undefined,
      1000,
    );
    assert(acceptance.kind === "accepted");
    await worker.run(acceptance.stored, begun, { env: undefined });
  }
  return async (count: number) => {
    for (let from = 0; from < count; from += 100) {
      using kv = await Deno.openKv(":memory:");
      store = kvJobStore(kv, { prefix: ["test"], maxValueBytes: 1000, timing });
      await Promise.all(Array.from({ length: 100 }, runOne));
    }
  };
}

async function memory(): Promise<number> {
  for (let i = 0; i < 5; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
