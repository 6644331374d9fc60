import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  CountersignError,
  createClient,
  createServer,
  defineTool,
  type Server,
  type ServerOptions,
  TerminalError,
  ToolError,
  type Tools,
  type,
} from "../mod.ts";
import {
  CLIENT_ID,
  OTHER_ID,
  OTHER_SECRET,
  SECRET,
  SERVER_ID,
  SERVER_SECRET,
  signed,
} from "./support/envelopes.ts";
import { post, tools, withServer } from "./support/servers.ts";

/** A server of `tools`, whose clock the test may set forward, and its client. */
async function withTools<T extends Tools>(
  tools: T,
  use: (house: {
    client: ReturnType<typeof createClient<T>>;
    work: () => Promise<{ ran: number; removed: number }>;
    forward: (ms: number) => void;
    kv: Deno.Kv;
    handle: (request: Request) => Promise<Response>;
    lines: string[];
  }) => Promise<void>,
  options: Partial<ServerOptions> = {},
) {
  using kv = await Deno.openKv(":memory:");
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const lines: string[] = [];
  const server = createServer({
    serverId: SERVER_ID,
    serverSecret: SERVER_SECRET,
    clients: { [CLIENT_ID]: SECRET, [OTHER_ID]: OTHER_SECRET },
    tools,
    kv,
    now,
    log: (level, message, { error }) =>
      lines.push(`${level}: ${message}: ${(error as Error)?.cause ?? error}`),
    ...options,
    jobs: { drive: false, ...options.jobs }, // each test says who works
  });
  const { handle } = server;
  const client = createClient<T>({
    fetch: handle,
    clientId: CLIENT_ID,
    secret: SECRET,
    serverId: SERVER_ID,
    now,
  });
  try {
    await use({
      client,
      work: () => server.work(),
      forward: (ms) => ahead += ms,
      kv,
      handle,
      lines,
    });
  } finally {
    await server.stop();
  }
}

/** Everything a store holds. */
function entriesOf(kv: Deno.Kv) {
  return Array.fromAsync(kv.list({ prefix: [] }));
}

const input = type({});

Deno.test("a job is accepted, polled and done, in the envelope's words", async () => {
  await withServer(async ({ post }) => {
    const started = await post(
      signed({ tool: "answers_now", args: { value: 5 } }),
    );
    assertEquals(started.status, 202);
    assertEquals(started.answer.status, "accepted");
    const { job_id, poll_after_ms } = started.answer.result as {
      job_id: string;
      poll_after_ms: number;
    };
    assertEquals([job_id.length, poll_after_ms], [32, 500]);
    const poll = signed({
      tool: "poll_job",
      args: { job_id, wait_ms: 5000 },
    });
    const { status, answer } = await post(poll);
    assertEquals([status, answer.ok, answer.status], [200, true, "done"]);
    assertEquals(answer.result, { value: 5 });
  });
});

Deno.test("the same request id starts no second job, whatever its nonce", async () => {
  let runs = 0;
  const count = defineTool({
    description: "Counts",
    input,
    job: true,
    run: () => ++runs,
  });
  await withTools({ count }, async ({ client }) => {
    const start = () => client.start("count", {}, { requestId: "only-one" });
    const jobs = await Promise.all([start(), start(), start()]);
    assertEquals((await Array.fromAsync(client.jobs())).length, 1);
    assertEquals(await jobs[2].result(), 1);
    assertEquals(await (await start()).result(), 1);
  });
});

Deno.test("two clients may use the same request id", async () => {
  await withServer(async ({ post }) => {
    const call = { tool: "answers_now", request_id: "same" };
    const one = await post(signed({ ...call, args: { value: 1 } }));
    const other = await post(
      signed(
        { ...call, client_id: OTHER_ID, args: { value: 2 } },
        OTHER_SECRET,
      ),
    );
    assertEquals([one.status, other.status], [202, 202]);
    assert(
      (one.answer.result as { job_id: string }).job_id !==
        (other.answer.result as { job_id: string }).job_id,
    );
  });
});

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
  await withTools({ flaky }, async ({ client, work, forward, lines }) => {
    const job = await client.start("flaky");
    await new Promise((resolve) => setTimeout(resolve, 100)); // it failed
    for (let i = 0; i < 2; i++) {
      forward(10_000);
      assertEquals((await work()).ran, 1);
    }
    assertEquals(await job.result(), "at last");
    assertEquals(seen, ["once", "attempt 1", "attempt 2", "attempt 3"]);
    assertEquals(lines.length, 2);
  });
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
  await withTools({ fails }, async ({ client, work, lines }) => {
    const expected = {
      "secretly": ["The tool failed; its error is in the server's log", 2],
      "openly": ["The disk is full", 2],
      "at once": ["There is no such file", 1],
    };
    for (const [how, [message, attempts]] of Object.entries(expected)) {
      lines.length = 0;
      const job = await client.start("fails", { how: how as "openly" });
      while ((await job.poll({ waitMs: 50 })).status === "running") {
        await work();
      }
      const error = await assertRejects(() => job.result(), CountersignError);
      assertEquals([error.code, error.message], ["tool_failed", message]);
      assertEquals(lines.length, attempts);
      const [listed] = await Array.fromAsync(client.jobs());
      assertEquals(listed.requestId, job.requestId);
      assertEquals(error.jobId, listed.jobId);
    }
  });
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
  await withTools({ hangs }, async ({ client }) => {
    const job = await client.start("hangs");
    await assertRejects(() => job.result(), CountersignError, "30 ms");
    assert(reason instanceof ToolError);
  });
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
  await withTools({ sleeper }, async ({ client, work, forward }) => {
    const job = await client.start("sleeper");
    await job.poll({ waitMs: 100 });
    assertEquals((await work()).ran, 0);
    forward(3_599_000);
    assertEquals((await work()).ran, 0);
    forward(2_000);
    assertEquals((await work()).ran, 1);
    assertEquals(await job.result(), "awake");
    assertEquals(seen, ["begun 1", "before", "begun 1", "between"]);
  });
});

Deno.test("steps that run side by side are all kept before a sleep gives way", async () => {
  const seen: string[] = [];
  const both = defineTool({
    description: "Works while it sleeps",
    input,
    job: true,
    run: async (_args, { sleep, step }) => {
      const [slow] = await Promise.all([
        step("slow", async () => {
          await new Promise((done) => setTimeout(done, 50));
          seen.push("slow");
          return 7;
        }),
        sleep(60_000),
      ]);
      return slow;
    },
  });
  await withTools({ both }, async ({ client, work, forward }) => {
    const job = await client.start("both");
    await job.poll({ waitMs: 200 });
    forward(61_000);
    assertEquals((await work()).ran, 1);
    assertEquals(await job.result(), 7);
    assertEquals(seen, ["slow"]);
  });
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
  await withTools({ once }, async ({ client }) => {
    const job = await client.start("once");
    assertEquals(await job.result(), 2);
  });
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
  await withTools({ naps }, async ({ client }) => {
    const began = Date.now();
    const job = await client.start("naps");
    const state = await job.poll({ waitMs: 10_000 });
    assertEquals(state, { status: "done", result: "rested" });
    assert(Date.now() - began < 8000);
  });
});

Deno.test("a step's name is used once, and its value is JSON", async () => {
  const wrong = defineTool({
    description: "Misuses steps",
    input: type({ how: "string" }),
    job: { attempts: 1 },
    run: async ({ how }, { step }) => {
      if (how === "twice") await step("a", () => 1);
      if (how === "date") {
        await step("a", () => new Date() as unknown as string);
      }
      return await step(how === "name" ? "~x" : "a", () => 2);
    },
  });
  await withTools({ wrong }, async ({ client, lines }) => {
    const expected = {
      twice: 'Step "a" was asked for twice',
      date: "Cannot canonicalize a Date",
      name: 'Step name "~x" must have 1 to 256 characters',
    };
    for (const [how, says] of Object.entries(expected)) {
      lines.length = 0;
      const job = await client.start("wrong", { how });
      await assertRejects(() => job.result(), CountersignError);
      assertStringIncludes(lines[0], says);
    }
  });
});

Deno.test("a tool whose steps have changed since the job began ends in a clear error", async () => {
  let version = 1;
  let charged = 0;
  const changing = defineTool({
    description: "Is deployed anew while it runs",
    input: type({ change: "'renamed' | 'removed'" }),
    job: { attempts: 3, backoffMs: 0 },
    run: async ({ change }, { step }) => {
      if (version === 1 || change === "removed") {
        if (version === 1) await step("charge", () => ++charged);
      } else await step("charge the card", () => ++charged);
      if (version === 1) throw new Error("restart me");
      return "done";
    },
  });
  await withTools({ changing }, async ({ client, work }) => {
    for (const change of ["renamed", "removed"] as const) {
      version = 1;
      charged = 0;
      const job = await client.start("changing", { change });
      await new Promise((resolve) => setTimeout(resolve, 100)); // it failed
      version = 2;
      await work();
      const error = await assertRejects(() => job.result(), CountersignError);
      assert(error.message.includes("steps have changed"), error.message);
      assert(error.message.includes('"charge"'), error.message);
      assertEquals(charged, 1);
    }
  });
});

Deno.test("a cancelled job's signal is aborted, and what it does later is not recorded", async () => {
  let aborted = false;
  let reached = false;
  const stubborn = defineTool({
    description: "Goes on regardless",
    input,
    job: true,
    run: async (_args, { signal, step }) => {
      signal.addEventListener("abort", () => aborted = true);
      await new Promise((done) => setTimeout(done, 50));
      await step("after", () => reached = true);
      return "done";
    },
  });
  await withTools({ stubborn }, async ({ client, kv }) => {
    const job = await client.start("stubborn");
    await job.cancel();
    assert(aborted);
    await new Promise((done) => setTimeout(done, 80));
    assert(!reached);
    const state = await job.poll();
    assertEquals(
      state.status === "cancelled" && state.error.code,
      "job_cancelled",
    );
    const steps = (await entriesOf(kv)).filter(({ key }) =>
      key.includes("step")
    );
    assertEquals(steps, []);
  });
});

Deno.test("a job that is done within waitMs answers with its result, and again", async () => {
  let runs = 0;
  const charge = defineTool({
    description: "Must not run twice",
    input: type({ ms: "number" }),
    job: { waitMs: 2000 },
    run: async ({ ms }) => {
      await new Promise((done) => setTimeout(done, ms));
      return ++runs;
    },
  });
  await withTools({ charge }, async ({ handle }) => {
    const call = { tool: "charge", request_id: "pay-1", args: { ms: 20 } };
    for (let i = 0; i < 3; i++) {
      const { status, answer } = await post(handle, signed(call));
      assertEquals([status, answer.status, answer.result], [200, "done", 1]);
    }
  });
});

Deno.test("a job that fails within waitMs says so; one that takes longer is accepted", async () => {
  const charge = defineTool({
    description: "Takes its time",
    input: type({ ms: "number", "fail?": "boolean" }),
    job: { waitMs: 50, attempts: 1 },
    run: async ({ ms, fail }) => {
      await new Promise((done) => setTimeout(done, ms));
      if (fail) throw new ToolError("The card was refused");
      return "paid";
    },
  });
  await withTools({ charge }, async ({ client, handle }) => {
    const failed = await client.start("charge", { ms: 1, fail: true });
    await assertRejects(() => failed.result(), CountersignError, "refused");
    const quick = await client.start("charge", { ms: 1 });
    assertEquals(await quick.poll(), { status: "done", result: "paid" });
    const slow = await post(
      handle,
      signed({ tool: "charge", args: { ms: 300 } }),
    );
    assertEquals([slow.status, slow.answer.status], [202, "accepted"]);
    const { job_id } = slow.answer.result as { job_id: string };
    assertEquals(await client.job(job_id).result(), "paid");
    const job = await client.start("charge", { ms: 150 });
    assertEquals(await job.result(), "paid");
  });
});

Deno.test("results, steps and arguments over 64 KiB are kept in pieces", async () => {
  const size = 300_000;
  const large = defineTool({
    description: "Handles much",
    input: type({ text: "string" }),
    job: { attempts: 2, backoffMs: 0 },
    run: async ({ text }, { step, attempt }) => {
      const doubled = await step("double", () => text + text);
      if (attempt === 1) throw new Error("once more, from the store");
      return doubled + doubled;
    },
  });
  await withTools({ large }, async ({ client, work, forward, kv }) => {
    const text = "ü".repeat(size / 2);
    const job = await client.start("large", { text });
    await job.poll({ waitMs: 500 });
    await work();
    const result = await job.result();
    assertEquals(result.length, 2 * size);
    assert(result === text.repeat(4));
    forward(86_400_000 + 3_700_000);
    while ((await work()).removed > 0) { /* until nothing is left */ }
    await work();
    const left = (await entriesOf(kv)).filter(({ key }) =>
      !key.includes("nonce")
    );
    assertEquals(left, []);
  });
});

Deno.test("a value beyond maxValueBytes ends the job as too large", async () => {
  const large = defineTool({
    description: "Returns too much",
    input: type({ where: "'step' | 'result'" }),
    job: true,
    run: async ({ where }, { step }) => {
      if (where === "step") await step("big", () => "x".repeat(50_000));
      return "x".repeat(50_000);
    },
  });
  await withTools({ large }, async ({ client }) => {
    const result = await client.start("large", { where: "result" });
    const error = await assertRejects(() => result.result(), CountersignError);
    assertEquals(error.code, "result_too_large");
    const step = await client.start("large", { where: "step" });
    await assertRejects(() => step.result(), CountersignError, 'step "big"');
  }, { maxValueBytes: 40_000 });
});

Deno.test("finished jobs stay readable for their time, then go with all they had", async () => {
  const stepper = defineTool({
    description: "Leaves steps behind",
    input,
    job: true,
    run: async (_args, { step }) => {
      for (let i = 0; i < 5; i++) await step(`step ${i}`, () => i);
      return "done";
    },
  });
  await withTools({ stepper }, async ({ client, work, forward, kv }) => {
    const job = await client.start("stepper");
    assertEquals(await job.result(), "done");
    forward(59_000);
    assertEquals(await work(), { ran: 0, removed: 0 });
    assertEquals((await job.poll()).status, "done");
    forward(2000);
    assertEquals(await work(), { ran: 0, removed: 1 });
    const error = await assertRejects(() => job.poll(), CountersignError);
    assertEquals(error.code, "job_not_found");
    const left = (await entriesOf(kv)).filter(({ key }) =>
      !key.includes("nonce")
    );
    assertEquals(left, []);
  }, { jobs: { retentionMs: 60_000 } });
});

Deno.test("list_jobs pages through a client's own jobs, newest first, by status", async () => {
  await withTools(
    { ...tools },
    async ({ client, handle, forward }) => {
      const started: string[] = [];
      for (let value = 0; value < 25; value++) {
        const job = value % 5 === 0
          ? await client.start("waits_forever")
          : await client.start("answers_now", { value });
        started.unshift(job.requestId);
        if (value % 5 !== 0) await job.result();
        forward(1);
      }
      const list = async (args: Record<string, unknown>) => {
        const { answer } = await post(
          handle,
          signed({ tool: "list_jobs", args, ts_ms: Date.now() }),
        );
        return answer.result as {
          jobs: { request_id: string; tool: string }[];
          cursor?: string;
        };
      };
      const pages: string[][] = [];
      let cursor: string | undefined;
      do {
        const page = await list({ limit: 10, ...cursor && { cursor } });
        pages.push(page.jobs.map(({ request_id }) => request_id));
        cursor = page.cursor;
      } while (cursor);
      assertEquals(pages.map(({ length }) => length), [10, 10, 5]);
      assertEquals(pages.flat(), started);
      const running = await list({ status: "running" });
      assertEquals(running.jobs.length, 5);
      assertEquals(running.jobs[0].tool, "waits_forever");
      const { answer } = await post(
        handle,
        signed(
          {
            tool: "list_jobs",
            client_id: OTHER_ID,
            args: {},
            ts_ms: Date.now(),
          },
          OTHER_SECRET,
        ),
      );
      assertEquals(answer.result, { jobs: [] });
    },
  );
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
  await withTools({ busy }, async ({ client, work }) => {
    const jobs = await Promise.all(
      Array.from({ length: 7 }, () => client.start("busy")),
    );
    while (
      (await Array.fromAsync(client.jobs({ status: "done" }))).length < 7
    ) {
      await work();
    }
    for (const job of jobs) assertEquals(await job.result(), "done");
    assertEquals(most, 2);
  }, { jobs: { concurrency: 2 } });
});

Deno.test("a run that the platform stopped without a word does not hold its room for ever", async () => {
  const stopped = defineTool({
    description: "Never ends, as if its request had been taken away",
    input: type({ "quick?": "boolean" }),
    job: true,
    run: ({ quick }) => quick ? "done" : new Promise<string>(() => {}),
  });
  const options = { jobs: { concurrency: 1, leaseMs: 3_600_000 } };
  await withTools({ stopped }, async ({ handle, forward, work }) => {
    const client = createClient({
      fetch: (request: Request) =>
        (handle as Server["handle"])(request, {}, { waitUntil() {} }),
      clientId: CLIENT_ID,
      secret: SECRET,
      serverId: SERVER_ID,
    });
    await client.start("stopped");
    const job = await client.start("stopped", { quick: true });
    assertEquals(await work(), { ran: 0, removed: 0 });
    forward(25_000 + 60_000);
    assertEquals(await work(), { ran: 1, removed: 0 });
    const state = await job.poll();
    assertEquals(state, { status: "done", result: "done" });
  }, options);
});

Deno.test("progress is told in fractions of one, or not at all", async () => {
  const wrong = defineTool({
    description: "Tells too much progress",
    input,
    job: { attempts: 1 },
    run: (_args, { progress }) => {
      progress(100, "percent");
      return "done";
    },
  });
  await withTools({ wrong }, async ({ client, lines }) => {
    const job = await client.start("wrong");
    await assertRejects(() => job.result(), CountersignError);
    assertEquals(lines.length, 1);
  });
});
