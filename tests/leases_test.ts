/** Leases: who may begin what, and when a job is taken over. */
import { assert, assertEquals } from "@std/assert";
import { defineTool, type Tools, type } from "../mod.ts";
import { accept, type Job } from "../src/job/job.ts";
import { momentOf } from "../src/job/lease.ts";
import { kvJobStore } from "../src/job/kv_store.ts";
import type { StoredJob } from "../src/job/store.ts";
import { createWorker, type Worker } from "../src/job/worker.ts";
import { createTiming, type Timing } from "../src/timing.ts";

const LEASE_MS = 300;
const PREFIX = ["test"];
const input = type({});

/** Time that stands still for whoever has it: its timers are held until it thaws. */
function freezable(offsetMs = 0) {
  const real = createTiming(() => Date.now() + offsetMs);
  const held: (() => void)[] = [];
  let frozen = false;
  const timing: Timing = {
    ...real,
    after: (ms, run) =>
      real.after(ms, () => frozen ? void held.push(run) : run()),
  };
  return {
    timing,
    freeze: () => frozen = true,
    thaw() {
      frozen = false;
      for (const run of held.splice(0)) run();
    },
  };
}

/** An instance of its own, on a store that it shares. */
function instance(kv: Deno.Kv, tools: Tools, timing: Timing) {
  const store = kvJobStore(kv, {
    prefix: PREFIX,
    maxValueBytes: 100_000,
    timing,
  });
  const worker = createWorker({
    tools,
    store,
    kv,
    leaseMs: LEASE_MS,
    retentionMs: 86_400_000,
    concurrency: 10,
    log: () => {},
    timing,
  });
  return { store, worker, timing };
}

type Instance = ReturnType<typeof instance>;

async function start(
  { store, worker, timing }: Instance,
  tool: string,
): Promise<{ id: string; run: Promise<StoredJob | undefined> }> {
  const begun = momentOf(timing);
  const id = crypto.randomUUID();
  const request = { id, tool, clientId: "client", requestId: id };
  const lease = worker.takeSlot(request);
  const job = accept(request, timing.now(), lease, LEASE_MS);
  const acceptance = await store.accept({ ...job, args: {} }, undefined, 1000);
  assert(acceptance.kind === "accepted");
  return { id, run: worker.run(acceptance.stored, begun, { env: undefined }) };
}

async function workUntil(
  worker: Worker,
  done: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!await done()) {
    assert(Date.now() < deadline, "it took too long");
    await worker.work({ env: undefined, limit: 10 });
    await pause(20);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function jobOf({ store }: Instance, id: string): Promise<Job> {
  const stored = await store.read(id);
  assert(stored);
  return stored.job;
}

Deno.test("a step that was kept is not begun again by a worker that was frozen past its lease", async () => {
  using kv = await Deno.openKv(":memory:");
  const charged: string[] = [];
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const toolOf = (who: string) => ({
    pay: defineTool({
      description: "Charges",
      input,
      job: true,
      run: async (_args, { step }) => {
        await step("order", () => 1);
        if (who === "frozen") {
          reached.resolve();
          await gate.promise; // frozen between two steps
        }
        await step("charge", () => void charged.push(who));
        return "paid";
      },
    }),
  });
  const clock = freezable();
  const frozen = instance(kv, toolOf("frozen"), clock.timing);
  const other = instance(kv, toolOf("other"), createTiming());
  const { id, run } = await start(frozen, "pay");
  await reached.promise;
  clock.freeze();
  await workUntil(
    other.worker,
    async () => (await jobOf(other, id)).status === "completed",
  );
  gate.resolve(); // answers come before timers
  await pause(50);
  clock.thaw();
  await run;
  assertEquals(charged, ["other"]);
});

Deno.test("a lease that may have run out is renewed before the next step begins", async () => {
  using kv = await Deno.openKv(":memory:");
  const gate = Promise.withResolvers<void>();
  const clock = freezable();
  const charged: number[] = [];
  const alone: Instance = instance(kv, {
    pay: defineTool({
      description: "Charges",
      input,
      job: true,
      run: async (_args, { step }) => {
        await gate.promise;
        await step("charge", async () => {
          charged.push((await jobOf(alone, id)).updatedAt);
        });
        return "paid";
      },
    }),
  }, clock.timing);
  const { id, run } = await start(alone, "pay");
  clock.freeze();
  await pause(1.5 * LEASE_MS);
  const before = await jobOf(alone, id);
  gate.resolve();
  await pause(50);
  clock.thaw();
  await run;
  assertEquals(charged.length, 1);
  assert(charged[0] > before.updatedAt, "it was not renewed");
  const { status, failures } = await jobOf(alone, id);
  assertEquals([status, failures], ["completed", 0]);
});

Deno.test("a process does not take its own running job", async () => {
  using kv = await Deno.openKv(":memory:");
  let runs = 0;
  const clock = freezable();
  const alone = instance(kv, {
    busy: defineTool({
      description: "Computes for longer than a lease",
      input,
      job: true,
      run: async (_args, { step }) => {
        await step("compute", async () => {
          runs++;
          await pause(4 * LEASE_MS);
        });
        return "done";
      },
    }),
  }, clock.timing);
  const { id, run } = await start(alone, "busy");
  await pause(20);
  clock.freeze(); // its heartbeat, as work that lets nothing else run does
  let over = false;
  run.finally(() => over = true);
  while (!over) {
    await alone.worker.work({ env: undefined, limit: 10 });
    await pause(20);
  }
  clock.thaw();
  const { status, runs: begun } = await jobOf(alone, id);
  assertEquals([status, begun, runs], ["completed", 1, 1]);
});

const CLOCKS = {
  "a job is not taken from a worker whose clock is two minutes slow": -120_000,
  "a job is not taken from a worker whose clock is two minutes fast": 120_000,
};

for (const [name, offsetMs] of Object.entries(CLOCKS)) {
  Deno.test(name, async () => {
    using kv = await Deno.openKv(":memory:");
    const begun: string[] = [];
    const toolOf = (who: string) => ({
      slow: defineTool({
        description: "Takes longer than a lease",
        input,
        job: true,
        run: async (_args, { step }) => {
          await step("one", async () => {
            begun.push(who);
            await pause(3 * LEASE_MS);
          });
          return "done";
        },
      }),
    });
    const off = instance(
      kv,
      toolOf("off"),
      createTiming(() => Date.now() + offsetMs),
    );
    const right = instance(kv, toolOf("right"), createTiming());
    const { id, run } = await start(off, "slow");
    await workUntil(
      right.worker,
      async () => (await jobOf(right, id)).status !== "working",
    );
    await run;
    const { status, failures } = await jobOf(right, id);
    assertEquals([begun, status, failures], [["off"], "completed", 0]);
  });
}

Deno.test("a lease that was given back is taken at once", async () => {
  using kv = await Deno.openKv(":memory:");
  const ended = Promise.withResolvers<void>();
  const tools = {
    long: defineTool({
      description: "Takes as long as it is let",
      input,
      job: true,
      run: async (_args, { step }) => {
        await step("once", () => 1);
        await ended.promise;
        return "done";
      },
    }),
  };
  const first = instance(kv, tools, createTiming());
  const second = instance(kv, tools, createTiming());
  const { id, run } = await start(first, "long");
  await pause(50);
  await first.worker.stop();
  await run;
  ended.resolve();
  const began = performance.now();
  await second.worker.work({ env: undefined, limit: 10 });
  assertEquals((await jobOf(second, id)).status, "completed");
  assert(performance.now() - began < LEASE_MS);
});

Deno.test("a step's key is its own, and the same in every attempt", async () => {
  using kv = await Deno.openKv(":memory:");
  const keys: string[] = [];
  const alone = instance(kv, {
    twice: defineTool({
      description: "Fails once",
      input,
      job: { backoffMs: 0 },
      run: async (_args, { step }) => {
        await step("charge ü", ({ key, signal }) => {
          keys.push(key);
          assert(!signal.aborted);
          if (keys.length === 1) throw new Error("not yet");
        });
        await step("other", ({ key }) => void keys.push(key));
        return "done";
      },
    }),
  }, createTiming());
  const { id, run } = await start(alone, "twice");
  await run;
  await workUntil(
    alone.worker,
    async () => (await jobOf(alone, id)).status !== "working",
  );
  assertEquals(keys, [
    `${id}.charge%20%C3%BC`,
    `${id}.charge%20%C3%BC`,
    `${id}.other`,
  ]);
});

Deno.test("jobs whose process died run alone until they have kept a step", async () => {
  using kv = await Deno.openKv(":memory:");
  let before = 0;
  let mostBefore = 0;
  const tools = {
    innocent: defineTool({
      description: "Was there when the process died",
      input,
      job: true,
      run: async (_args, { step }) => {
        await step("one", async () => {
          mostBefore = Math.max(mostBefore, ++before);
          await pause(20);
          before--;
        });
        return "done";
      },
    }),
    poison: defineTool({
      description: "Dies",
      input,
      job: { attempts: 3 },
      run: () => "alive",
    }),
  };
  const alone = instance(kv, tools, createTiming());
  const ids: string[] = [];
  for (const tool of [...Array(6).fill("innocent"), "poison"]) {
    const id = crypto.randomUUID();
    const request = { id, tool, clientId: "client", requestId: id };
    const job = accept(request, Date.now() - 1000, "dead", 200);
    const crashes = tool === "poison" ? 2 : 0;
    await alone.store.accept({ ...job, crashes, args: {} }, undefined, 100);
    ids.push(id);
  }
  alone.worker.drive({ env: undefined });
  for (const id of ids) {
    while ((await jobOf(alone, id)).status === "working") await pause(20);
  }
  await alone.worker.stop();
  assertEquals(mostBefore, 1);
  const poison = await jobOf(alone, ids[6]);
  assertEquals(poison.error?.message, "Every attempt was cut short");
  assertEquals((await jobOf(alone, ids[0])).status, "completed");
});

Deno.test("a job that gets on between crashes is not given up", async () => {
  using kv = await Deno.openKv(":memory:");
  const deaths = 5;
  let kept = 0;
  /** A process that keeps one step more, and dies. */
  const toolOf = (death: number) => ({
    long: defineTool({
      description: "Has many steps",
      input,
      job: { attempts: 3 },
      run: async (_args, { step }) => {
        for (let i = 0; i <= deaths; i++) {
          await step(`${i}`, () => i);
          if (i === death) {
            kept = i + 1;
            await new Promise(() => {});
          }
        }
        return "done";
      },
    }),
  });
  let id = "";
  for (let death = 0; death < deaths; death++) {
    const clock = freezable();
    const dying = instance(kv, toolOf(death), clock.timing);
    if (death === 0) ({ id } = await start(dying, "long"));
    else dying.worker.drive({ env: undefined });
    for (let ms = 0; kept <= death; ms += 10) {
      assert(ms < 5000, `process ${death} kept nothing`);
      await pause(10);
    }
    clock.freeze();
  }
  const alive = instance(kv, toolOf(Infinity), createTiming());
  await workUntil(
    alive.worker,
    async () => (await jobOf(alive, id)).status !== "working",
  );
  const { status, error, failures } = await jobOf(alive, id);
  assertEquals([status, error, failures], ["completed", undefined, deaths]);
});
