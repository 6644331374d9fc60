/** Limits of jobs, and what a start that is refused leaves behind. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  CountersignError,
  defineTool,
  type KvLike,
  type Server,
  type,
} from "../mod.ts";
import { claim } from "../src/job/job.ts";
import { kvJobStore } from "../src/job/kv_store.ts";
import type { KvAtomic } from "../src/kv/kv.ts";
import { platformTiming } from "../src/timing.ts";
import { type Fields, signed } from "./support/envelopes.ts";
import { CLIENT_ID, SERVER_ID } from "./support/parties.ts";
import { post, withServer } from "./support/servers.ts";

const input = type({ "text?": "string" });
const PREFIX = ["countersign", SERVER_ID];

const tools = {
  waits: defineTool({
    description: "Waits for ever",
    input,
    job: true,
    run: (_args, { sleep }) => sleep(1e12),
  }),
  quick: defineTool({
    description: "Is done at once",
    input,
    job: { waitMs: 2000 },
    run: () => "done",
  }),
  keeps: defineTool({
    description: "Keeps a step",
    input,
    job: true,
    run: (_args, { step }) => step("kept", () => "new"),
  }),
};

Deno.test("of 200 starts at once exactly as many are accepted as a client may have", () =>
  withServer(async ({ client }) => {
    const kinds = await Promise.all(
      Array.from({ length: 200 }, () =>
        client.start("waits", {}).then(
          () => "accepted",
          (error) => (error as CountersignError).code,
        )),
    );
    const accepted = kinds.filter((kind) => kind === "accepted");
    assertEquals(accepted.length, 10);
    assertEquals(new Set(kinds), new Set(["accepted", "too_many_jobs"]));
    // One that ends makes room for one more.
    const [job] = await Array.fromAsync(client.jobs());
    await client.job(job.jobId).cancel();
    await client.start("waits", {});
    await assertRejects(() => client.start("waits", {}), CountersignError);
  }, { tools, jobs: { maxUnfinished: 10 } }));

Deno.test("a start that is refused writes nothing, however large, and prepare is not called for it", async () => {
  let prepared = 0;
  const careful = defineTool({
    description: "Prepares",
    input,
    job: true,
    prepare: (args) => (prepared++, args),
    run: (_args, { sleep }) => sleep(1e12),
  });
  await withServer(async ({ handle, stored }) => {
    const args = { text: "x".repeat(200_000) };
    const send = (body: string) => post(handle as Server["handle"], body);
    const chunks = async () =>
      (await stored()).filter(({ key }) => key[2] === "chunk").length;
    for (const tool of ["careful", "waits"]) {
      const start = { tool, request_id: tool, args };
      const first = signed(start);
      assertEquals((await send(first)).answer.status, "accepted");
      const before = await chunks();
      for (let i = 0; i < 5; i++) {
        assertEquals((await send(first)).status, 409); // replayed
        const other = { text: `${i}${args.text}` };
        const conflict = signed({ ...start, args: other });
        assertEquals((await send(conflict)).status, 409);
        const again = await send(signed(start));
        assertEquals(again.answer.status, "accepted");
      }
      assertEquals(await chunks(), before);
    }
    assertEquals(prepared, 1);
  }, { tools: { careful, waits: tools.waits } });
});

Deno.test("a start that was accepted is never answered `replayed`, though its answer was lost and another took the job", async () => {
  await withServer(async ({ kv }) => {
    const store = kvJobStore(kv, {
      prefix: PREFIX,
      maxValueBytes: 1000,
      timing: platformTiming,
    });
    const nonce = {
      clientId: CLIENT_ID,
      value: "the-nonce",
      expiresAt: Date.now() + 60_000,
    };
    let isLost = false;
    const losing: KvLike = {
      get: (key) => kv.get(key),
      getMany: (keys) => kv.getMany(keys),
      list: (selector, options) => kv.list(selector, options),
      atomic() {
        const atomic = kv.atomic();
        const commit = atomic.commit.bind(atomic);
        atomic.commit = async () => {
          const done = await commit();
          if (isLost) return done;
          isLost = true;
          const taken = await store.read("job-1");
          assert(taken);
          const next = claim(taken.job, Date.now(), "another", 1000);
          assert(await store.replace(taken, next));
          throw new Error("The connection broke");
        };
        return atomic as unknown as KvAtomic;
      },
    };
    const timing = platformTiming;
    const own = kvJobStore(losing, {
      prefix: PREFIX,
      maxValueBytes: 1,
      timing,
    });
    const acceptance = await own.accept(
      {
        id: "job-1",
        tool: "waits",
        clientId: CLIENT_ID,
        requestId: "request-1",
        status: "working",
        failures: 0,
        runs: 0,
        createdAt: Date.now(),
        updatedAt: Date.now(),
        dueAt: Date.now(),
        args: {},
      },
      nonce,
      10,
    );
    assert(acceptance.kind === "known", acceptance.kind);
    assert(acceptance.isSpent);
    assertEquals(acceptance.stored.job.lease, "another");
  }, { tools });
});

Deno.test("listing jobs of one status costs a page, whatever else there is", async () => {
  let gets = 0;
  await withServer(async ({ client, kv }) => {
    const nothing = new TextEncoder().encode("null");
    for (let from = 0; from < 5000; from += 500) {
      const atomic = kv.atomic();
      for (let i = from; i < from + 500; i++) {
        atomic.set(
          [...PREFIX, "owner", CLIENT_ID, Date.now() + i, `x${i}`],
          nothing,
        );
      }
      await atomic.commit();
    }
    const waiting = await client.start("waits", {});
    await client.start("quick", {});
    for (const [status, tool] of [["running", "waits"], ["done", "quick"]]) {
      gets = 0;
      const jobs = await Array.fromAsync(
        client.jobs({ status: status as "running" }),
      );
      assertEquals(jobs.map((job) => job.tool), [tool]);
      assert(gets < 5, `${gets} reads`);
    }
    await waiting.cancel();
    const cancelled = client.jobs({ status: "cancelled" });
    assertEquals((await Array.fromAsync(cancelled)).length, 1);
    assertEquals(
      await Array.fromAsync(client.jobs({ status: "running" })),
      [],
    );
  }, {
    tools,
    store: (kv): KvLike => ({
      get: (key) => (gets++, kv.get(key)),
      getMany: (keys) => (gets++, kv.getMany(keys)),
      list: (selector, options) => (gets++, kv.list(selector, options)),
      atomic: () => kv.atomic(),
    }),
  });
});

Deno.test("what version 0.1 left is found, run and removed", async () => {
  await withServer(async ({ kv, work, client, clock, stored }) => {
    const utf8 = new TextEncoder();
    const bytes = (value: unknown) => utf8.encode(JSON.stringify(value));
    const now = clock.now();
    const jobs: Fields[] = [
      { id: "waiting", status: "working", runs: 0, dueAt: now - 5 },
      {
        id: "orphaned",
        status: "working",
        runs: 1,
        dueAt: now - 4,
        lease: "x",
      },
      { id: "final", status: "completed", runs: 1, dueAt: now - 3, result: {} },
      {
        id: "later",
        status: "completed",
        runs: 1,
        dueAt: now + 60_000,
        result: { value: 7 },
      },
    ];
    for (const about of jobs) {
      const job = {
        tool: "keeps",
        clientId: CLIENT_ID,
        requestId: `request-${about.id}`,
        args: { value: {} },
        failures: 0,
        createdAt: now - 1000,
        updatedAt: now - 1000,
        ...about,
      };
      const { id, dueAt, status, runs } = job as typeof job & {
        id: string;
        dueAt: number;
        status: string;
        runs: number;
      };
      const atomic = kv.atomic()
        .set([...PREFIX, "job", id], bytes({ by: "0.1", job }))
        .set([...PREFIX, "due", dueAt, id], bytes(null))
        .set([...PREFIX, "owner", CLIENT_ID, job.createdAt, id], bytes(null))
        .set([...PREFIX, "chunk", id, "x", 0], bytes(1));
      if (runs > 0) {
        const step = bytes({ by: "0.1", value: "old" });
        atomic.set([...PREFIX, "step", id, "kept"], step);
      }
      if (status === "working") {
        atomic.set([...PREFIX, "active", CLIENT_ID, id], bytes(null));
      }
      await atomic.commit();
    }
    const running = await Array.fromAsync(client.jobs({ status: "running" }));
    assertEquals(running.length, 2);
    assertEquals(await client.job("later").result(), 7);
    // The one with a lease is first seen to stand for as long as that lasts.
    const report = await work({ budgetMs: 2000 });
    assertEquals(report, { ran: 2, removed: 1 });
    assertEquals(await client.job("waiting").result(), "new");
    assertEquals(await client.job("orphaned").result(), "old");
    clock.forward(86_400_000 * 2);
    while ((await work()).removed > 0) { /* until nothing is left */ }
    assertEquals(await stored(), []);
  }, { tools, jobs: { leaseMs: 300 } });
});

Deno.test("a job whose steps keep more than they may fails at once, over all its attempts", () =>
  withServer(async ({ client }) => {
    const job = await client.start("hoards");
    const state = await job.poll({ waitMs: 10_000 });
    assert(state.status === "error");
    assertEquals(
      state.error.message,
      'Cannot keep step "page 4": the job\'s steps would have 4008 bytes of JSON, more than 4000',
    );
  }, {
    tools: {
      hoards: defineTool({
        description: "Keeps page upon page",
        input,
        job: { backoffMs: 0, pollAfterMs: 10 },
        run: async (_args, { step, attempt }) => {
          for (let page = 1;; page++) {
            await step(`page ${page}`, () => "x".repeat(1000));
            if (page === 2 && attempt === 1) throw new Error("and again");
          }
        },
      }),
    },
    jobs: { maxJobBytes: 4000 },
  }));
