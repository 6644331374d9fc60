/** How a job starts, and what its owner is told of it. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CountersignError, defineTool, ToolError, type } from "../mod.ts";
import { type Fields, signed } from "./support/envelopes.ts";
import { OTHER_ID, OTHER_SECRET } from "./support/parties.ts";
import { withServer } from "./support/servers.ts";
import { gate, until } from "./support/until.ts";

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
  await withServer(async ({ client }) => {
    const start = () => client.start("count", {}, { requestId: "only-one" });
    const jobs = await Promise.all([start(), start(), start()]);
    assertEquals((await Array.fromAsync(client.jobs())).length, 1);
    assertEquals(await jobs[2].result(), 1);
    assertEquals(await (await start()).result(), 1);
  }, { tools: { count } });
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

Deno.test("a poll that waits ends with the next change, long before the job does", async () => {
  using seen = gate("the owner's word that it saw half of the job");
  const halves = defineTool({
    description: "Does its second half once its first was seen",
    input,
    job: { attempts: 1 },
    run: async (_args, { progress }) => {
      progress(0.5, "half way");
      await seen.opened();
      return "done";
    },
  });
  await withServer(async ({ client }) => {
    const job = await client.start("halves");
    const told = await until("its first half", async () => {
      const state = await job.poll({ waitMs: 20_000 });
      assertEquals(state.status, "running");
      return state.status === "running" && state.progress;
    });
    assertEquals(told, 0.5);
    seen.open();
    const state = await job.poll({ waitMs: 20_000 });
    assertEquals(state, { status: "done", result: "done" });
  }, { tools: { halves } });
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
  await withServer(async ({ post }) => {
    const call = { tool: "charge", request_id: "pay-1", args: { ms: 20 } };
    for (let i = 0; i < 3; i++) {
      const { status, answer } = await post(signed(call));
      assertEquals([status, answer.status, answer.result], [200, "done", 1]);
    }
  }, { tools: { charge } });
});

Deno.test("a job that fails within waitMs says so; one that takes longer is accepted", async () => {
  using cash = gate("the cash of the slow one");
  const tools = {
    charge: defineTool({
      description: "Is done, or refused, long before anybody stops waiting",
      input: type({ "fail?": "boolean" }),
      job: { waitMs: 10_000, attempts: 1 },
      run: ({ fail }) => {
        if (fail) throw new ToolError("The card was refused");
        return "paid";
      },
    }),
    collect: defineTool({
      description: "Takes its time",
      input,
      job: { waitMs: 50, attempts: 1 },
      run: async () => {
        await cash.opened();
        return "paid";
      },
    }),
  };
  await withServer(async ({ client, post }) => {
    const failed = await client.start("charge", { fail: true });
    await assertRejects(() => failed.result(), CountersignError, "refused");
    const quick = await client.start("charge");
    assertEquals(await quick.poll(), { status: "done", result: "paid" });
    const slow = await post(signed({ tool: "collect", args: {} }));
    assertEquals([slow.status, slow.answer.status], [202, "accepted"]);
    const { job_id } = slow.answer.result as { job_id: string };
    const job = await client.start("collect");
    assertEquals((await job.poll()).status, "running");
    cash.open();
    assertEquals(await client.job(job_id).result(), "paid");
    assertEquals(await job.result(), "paid");
  }, { tools });
});

Deno.test("list_jobs pages through a client's own jobs, newest first, by status", async () => {
  await withServer(async ({ client, post, clock }) => {
    const started: string[] = [];
    for (let value = 0; value < 25; value++) {
      const job = value % 5 === 0
        ? await client.start("waits_forever")
        : await client.start("answers_now", { value });
      started.unshift(job.requestId);
      if (value % 5 !== 0) await job.result();
      clock.forward(1);
    }
    const list = async (args: Fields) => {
      const { answer } = await post(signed({ tool: "list_jobs", args }));
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
      signed(
        { tool: "list_jobs", client_id: OTHER_ID, args: {} },
        OTHER_SECRET,
      ),
    );
    assertEquals(answer.result, { jobs: [] });
  });
});
