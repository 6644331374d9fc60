/** Attempts: how they end, when the next is made, and where. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  CountersignError,
  createServer,
  defineTool,
  TerminalError,
  ToolError,
  type,
} from "../mod.ts";
import { clientOf } from "./support/clients.ts";
import { PARTIES } from "./support/parties.ts";
import { withServer } from "./support/servers.ts";
import { gate, until } from "./support/until.ts";

const input = type({});

Deno.test("a failed attempt is tried again after a pause, and kept steps are not", async () => {
  const seen: string[] = [];
  const flaky = defineTool({
    description: "Fails twice",
    input,
    job: { attempts: 3, backoffMs: 1000 },
    run: async (_args, { step, attempt }) => {
      await step("once", () => {
        seen.push("once");
      });
      seen.push(`attempt ${attempt}`);
      if (attempt < 3) throw new Error("not yet");
      return "at last";
    },
  });
  await withServer(async ({ client, work, clock, lines }) => {
    const job = await client.start("flaky");
    for (const failures of [1, 2]) {
      await until("a failure", () => lines.length === failures);
      clock.forward(10_000);
      await until("the next attempt", async () => (await work()).ran === 1);
    }
    assertEquals(await job.result(), "at last");
    assertEquals(seen, ["once", "attempt 1", "attempt 2", "attempt 3"]);
    assertEquals(lines.length, 2);
  }, { tools: { flaky } });
});

Deno.test("a job ends as an error after its attempts; a ToolError's message is told", async () => {
  const fails = defineTool({
    description: "Fails",
    input: type({ how: "'secretly' | 'openly' | 'at once'" }),
    job: { attempts: 2, backoffMs: 0 },
    run: ({ how }): string => {
      if (how === "at once") throw new TerminalError("There is no such file");
      if (how === "openly") throw new ToolError("The disk is full");
      throw new Error("the password is hunter2");
    },
  });
  await withServer(async ({ client, work, lines }) => {
    const expected = {
      "secretly": ["The tool failed; its error is in the server's log", 2],
      "openly": ["The disk is full", 2],
      "at once": ["There is no such file", 1],
    };
    for (const [how, [message, attempts]] of Object.entries(expected)) {
      lines.length = 0;
      const job = await client.start("fails", { how: how as "openly" });
      await until("the job's end", async () => {
        await work();
        return (await job.poll({ waitMs: 50 })).status === "error";
      });
      const error = await assertRejects(() => job.result(), CountersignError);
      assertEquals([error.code, error.message], ["tool_failed", message]);
      assertEquals(lines.length, attempts);
      const [listed] = await Array.fromAsync(client.jobs());
      assertEquals(listed.requestId, job.requestId);
      assertEquals(error.jobId, listed.jobId);
    }
  }, { tools: { fails } });
});

Deno.test("an attempt that takes longer than timeoutMs has failed, and its signal is aborted", async () => {
  let reason: unknown;
  const hangs = defineTool({
    description: "Hangs",
    input,
    timeoutMs: 30,
    job: { attempts: 1 },
    run: (_args, { signal }) =>
      new Promise<string>(() =>
        signal.addEventListener("abort", () => reason = signal.reason)
      ),
  });
  await withServer(async ({ client }) => {
    const job = await client.start("hangs");
    await assertRejects(() => job.result(), CountersignError, "30 ms");
    assert(reason instanceof ToolError);
  }, { tools: { hangs } });
});

Deno.test("a long sleep gives the instance up, and the job comes back when it is due", async () => {
  const seen: string[] = [];
  const sleeper = defineTool({
    description: "Sleeps",
    input,
    job: true,
    run: async (_args, { sleep, step, attempt }) => {
      seen.push(`begun ${attempt}`);
      await step("before", () => seen.push("before"));
      await sleep(3_600_000);
      await step("between", () => seen.push("between"));
      await sleep(new Date(0));
      await sleep(5);
      return "awake";
    },
  });
  await withServer(async ({ client, work, clock, asleep }) => {
    const job = await client.start("sleeper");
    await asleep(job, 3_590_000);
    assertEquals((await work()).ran, 0);
    clock.forward(3_599_000);
    assertEquals((await work()).ran, 0);
    clock.forward(2_000);
    await until("its time", async () => (await work()).ran === 1);
    assertEquals(await job.result(), "awake");
    assertEquals(seen, ["begun 1", "before", "begun 1", "between"]);
  }, { tools: { sleeper } });
});

Deno.test("a poll of an overdue job takes it up", async () => {
  let attempts = 0;
  const once = defineTool({
    description: "Fails once",
    input,
    job: { backoffMs: 1 },
    run: () => {
      if (++attempts === 1) throw new Error("not yet");
      return attempts;
    },
  });
  await withServer(async ({ client }) => {
    const job = await client.start("once");
    assertEquals(await job.result(), 2);
  }, { tools: { once } });
});

Deno.test("a poll that waits takes a job up as soon as it is due", async () => {
  const naps = defineTool({
    description: "Gives the instance up twice",
    input: type({}),
    job: true,
    run: async (_args, { sleep }) => {
      await sleep(1010);
      await sleep(1010);
      return "rested";
    },
  });
  await withServer(async ({ client }) => {
    const began = Date.now();
    const job = await client.start("naps");
    const state = await job.poll({ waitMs: 10_000 });
    assertEquals(state, { status: "done", result: "rested" });
    assert(Date.now() - began < 8000);
  }, { tools: { naps } });
});

Deno.test("a cancelled job's signal is aborted, and what it does later is not recorded", async () => {
  using cancelled = gate("the job's cancellation");
  let aborted = false;
  let reached = false;
  let refusal: unknown;
  const stubborn = defineTool({
    description: "Goes on regardless",
    input,
    job: true,
    run: async (_args, { signal, step }) => {
      signal.addEventListener("abort", () => aborted = true);
      await cancelled.opened();
      const late = step("after", () => reached = true);
      await late.catch((error) => refusal = error);
      return "done";
    },
  });
  await withServer(async ({ client, stored }) => {
    const job = await client.start("stubborn");
    await job.cancel();
    assert(aborted);
    cancelled.open();
    await until("the late step", () => reached || refusal !== undefined);
    assert(!reached);
    const state = await job.poll();
    assertEquals(
      state.status === "cancelled" && state.error.code,
      "job_cancelled",
    );
    const steps = (await stored()).filter(({ key }) => key.includes("step"));
    assertEquals(steps, []);
  }, { tools: { stubborn } });
});

Deno.test("a job that is cancelled at another instance is stopped where it runs", async () => {
  let reason: unknown;
  const tools = {
    waits: defineTool({
      description: "Waits until it is stopped",
      input,
      job: true,
      run: (_args, { signal }) =>
        new Promise<string>((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            reject(reason);
          });
        }),
    }),
  };
  await withServer(async ({ client, kv }) => {
    const job = await client.start("waits");
    const other = createServer({ ...PARTIES, tools, kv });
    await clientOf<typeof tools>(other.handle).job(job).cancel();
    await until("the word of it", () => reason !== undefined);
    assertStringIncludes(String(reason), "lease");
    assertEquals((await job.poll()).status, "cancelled");
    await other.stop();
  }, { tools, jobs: { leaseMs: 150 } });
});

Deno.test("no more jobs run at once than concurrency allows; the rest come after", async () => {
  let now = 0;
  let most = 0;
  const busy = defineTool({
    description: "Is busy",
    input,
    job: true,
    run: async () => {
      most = Math.max(most, ++now);
      await new Promise((done) => setTimeout(done, 30));
      now--;
      return "done";
    },
  });
  await withServer(async ({ client, work }) => {
    const jobs = await Promise.all(
      Array.from({ length: 7 }, () => client.start("busy")),
    );
    await until("the end of all", async () => {
      await work();
      const ended = await Array.fromAsync(client.jobs({ status: "done" }));
      return ended.length === 7;
    });
    for (const job of jobs) assertEquals(await job.result(), "done");
    assertEquals(most, 2);
  }, { tools: { busy }, jobs: { concurrency: 2 } });
});

Deno.test("a run that the platform stopped without a word does not hold its room for ever", async () => {
  const stopped = defineTool({
    description: "Never ends, as if its request had been taken away",
    input: type({ "quick?": "boolean" }),
    job: true,
    run: ({ quick }) => quick ? "done" : new Promise<string>(() => {}),
  });
  const options = { jobs: { concurrency: 1, leaseMs: 3_600_000 } };
  await withServer(async ({ handle, clock, work }) => {
    const client = clientOf<{ stopped: typeof stopped }>(
      (request) => handle(request, {}, { waitUntil() {} }),
      { now: clock.now },
    );
    await client.start("stopped");
    const job = await client.start("stopped", { quick: true });
    assertEquals(await work(), { ran: 0, removed: 0 });
    clock.forward(25_000 + 60_000);
    assertEquals(await work(), { ran: 1, removed: 0 });
    const state = await job.poll();
    assertEquals(state, { status: "done", result: "done" });
  }, { tools: { stopped }, ...options });
});
