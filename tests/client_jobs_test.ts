/** Jobs as a client has them: handles, questions, lists. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CountersignError, defineTool, ToolError, type } from "../mod.ts";
import type { Client, Fetch, ListedJob } from "../src/client/mod.ts";
import { clientOf } from "./support/clients.ts";
import { SERVER_ID } from "./support/parties.ts";
import { withServer } from "./support/servers.ts";
import { tools } from "./support/tools.ts";
import { until } from "./support/until.ts";

const nothing = type({});

const own = {
  ...tools,
  asks: defineTool({
    description: "Asks for a drink, and for a visit to a page",
    input: nothing,
    job: { pollAfterMs: 10 },
    run: async (_args, { ask }) => {
      const [drink, page] = await Promise.all([
        ask("drink", { message: "What?", form: type({ drink: "string" }) }),
        ask("page", { message: "Pay here", url: "https://example.com/pay" }),
      ]);
      return [
        drink.action === "accept" ? drink.content.drink : drink.action,
        page.action,
      ];
    },
  }),
  pays: defineTool({
    description: "Ends in its first answer",
    input: type({ "fail?": "boolean" }),
    job: { waitMs: 5000, attempts: 1 },
    run: ({ fail }) => {
      if (fail) throw new ToolError("The card was refused");
      return "paid";
    },
  }),
};

/** A client whose calls can be counted, and lost on their way back. */
function watched(handle: Fetch) {
  const calls: { tool: string; args: Record<string, unknown> }[] = [];
  const line = { calls, losing: false };
  const client = clientOf<typeof own>(async (request) => {
    calls.push(await request.clone().json());
    const response = await handle(request);
    if (!line.losing) return response;
    line.losing = false;
    throw new TypeError("connection reset");
  });
  return { client, line };
}

async function codeOf(promise: Promise<unknown>) {
  const error = await assertRejects(() => promise, CountersignError);
  return (error as CountersignError).code;
}

Deno.test("a handle made anew by the request's id follows the job", async () => {
  await withServer(async ({ client }) => {
    const job = await client.start("answers_now", { value: 7 });
    const { requestId } = job;
    assertEquals(await client.job({ requestId }).result(), { value: 7 });
    const [{ jobId, ...listed }] = await Array.fromAsync(client.jobs());
    assertEquals(listed.requestId, requestId);
    assertEquals(await client.job(jobId).result(), { value: 7 });
    // What has a request's id names its job: a handle, and an entry of the list.
    assertEquals(await client.job(job).result(), { value: 7 });
    assertEquals(await client.job(listed).result(), { value: 7 });
    const chosen = await client.start("answers_now", { value: 8 }, {
      requestId: "chosen",
    });
    assertEquals(chosen.requestId, "chosen");
    const unknown = client.job({ requestId: "never-sent" });
    assertEquals(await codeOf(unknown.poll()), "job_not_found");
    assertEquals(await codeOf(unknown.cancel()), "job_not_found");
  });
});

Deno.test("a job is asked for by its id where the start told it, else by its request", async () => {
  await withServer(async ({ handle }) => {
    const { client, line: { calls } } = watched(handle);
    const job = await client.start("waits_forever");
    await job.poll();
    const [{ jobId }] = await Array.fromAsync(client.jobs());
    assertEquals(calls[1].args, { job_id: jobId });
    await client.job(job).poll();
    assertEquals(calls[3].args, { request_id: job.requestId });
  });
});

Deno.test("a job that ended in its first answer is followed without a call", async () => {
  await withServer(async ({ handle }) => {
    const { client, line: { calls } } = watched(handle);
    const paid = await client.start("pays");
    assertEquals(await paid.poll(), { status: "done", result: "paid" });
    await paid.cancel();
    await paid.answer("nothing", { action: "cancel" });
    const failed = await client.start("pays", { fail: true });
    const state = await failed.poll();
    assert(state.status === "error");
    assertEquals(state.error.message, "The card was refused");
    assertEquals(calls.map(({ tool }) => tool), ["pays", "pays"]);
    assertEquals(await client.job(paid).result(), "paid");
    assertEquals((await client.job(failed).poll()).status, "error");
    assertEquals(calls.length, 4);
  }, { tools: own });
});

Deno.test("a handle's id finds the job again, whatever its first answer was", async () => {
  await withServer(async ({ client, handle }) => {
    for (
      const started of [
        await client.start("pays"),
        await client.start("answers_now", { value: 7 }),
      ]
    ) {
      const { id } = started;
      const again = clientOf(handle).job(id);
      assertEquals(again.id, id);
      assertEquals(
        await again.poll({ waitMs: 5000 }),
        await started.poll({ waitMs: 5000 }),
      );
    }
  }, { tools: own });
});

Deno.test("job.answer tells a job what it asks, and is sent again when its answer is lost", async () => {
  await withServer(async ({ handle }) => {
    const { client, line } = watched(handle);
    const job = await client.start("asks");
    const { drink, page } = await until("its questions", async () => {
      const state = await job.poll({ waitMs: 100 });
      assert(state.status === "running");
      return state.questions;
    });
    assertEquals([drink.kind, drink.message], ["form", "What?"]);
    assertEquals(drink.schema, {
      type: "object",
      properties: { drink: { type: "string" } },
      required: ["drink"],
    });
    assert(drink.until > Date.now());
    assertEquals([page.kind, page.url], ["url", "https://example.com/pay"]);
    line.calls.length = 0;
    line.losing = true;
    await job.answer("drink", { action: "accept", content: { drink: "tea" } });
    const error = await assertRejects(
      () => job.answer("drink", { action: "cancel" }),
      CountersignError,
      '"drink" was answered before',
    );
    assertEquals(error.code, "invalid_args");
    await job.answer("page", { action: "decline" });
    assertEquals(
      line.calls.map(({ tool, args }) => [tool, Object.keys(args.answers!)]),
      ["drink", "drink", "drink", "page"]
        .map((name) => ["answer_job", [name]]),
    );
    assertEquals(await job.result(), ["tea", "decline"]);
  }, { tools: own });
});

Deno.test("job.cancel is sent again when its answer is lost", async () => {
  await withServer(async ({ handle }) => {
    const { client, line } = watched(handle);
    const job = await client.start("waits_forever");
    line.losing = true;
    await job.cancel();
    const sent = line.calls.map(({ tool }) => tool);
    assertEquals(sent, ["waits_forever", "cancel_job", "cancel_job"]);
  });
});

Deno.test("a poll and a list have one word for how a job stands", async () => {
  await withServer(async ({ client }) => {
    const started = {
      running: await client.start("waits_forever"),
      done: await client.start("pays"),
      error: await client.start("pays", { fail: true }),
      cancelled: await client.start("waits_forever"),
    };
    await started.cancelled.cancel();
    for (const [word, { requestId }] of Object.entries(started)) {
      const status = word as keyof typeof started;
      const { status: polled } = await client.job({ requestId }).poll();
      assertEquals(polled, status);
      const listed = await Array.fromAsync(client.jobs({ status }));
      assertEquals(
        listed.map((job) => [job.requestId, job.status]),
        [[requestId, status]],
      );
    }
    assertEquals(await codeOf(started.cancelled.result()), "job_cancelled");
    await assertRejects(
      async () => {
        for await (const _ of started.cancelled);
      },
      CountersignError,
      "cancelled",
    );
  }, { tools: own });
});

Deno.test("client.jobs lists every job, page by page as it is reached", async () => {
  await withServer(async ({ handle }) => {
    const { client, line: { calls } } = watched(handle);
    const began = Date.now();
    const requestIds: string[] = [];
    for (let value = 0; value < 60; value++) {
      const job = await client.start("answers_now", { value });
      await job.result();
      requestIds.push(job.requestId);
    }
    calls.length = 0;
    const jobs = client.jobs();
    assertEquals(calls.length, 0);
    let last: ListedJob | undefined;
    for await (last of jobs) break;
    assertEquals(calls.length, 1);
    assertEquals(Object.keys(last ?? {}).sort(), [
      "createdAt",
      "jobId",
      "requestId",
      "status",
      "tool",
      "updatedAt",
    ]);
    const { createdAt, updatedAt, tool } = last!;
    assertEquals(tool, "answers_now");
    assert(createdAt instanceof Date && updatedAt instanceof Date);
    assert(createdAt.getTime() >= began && updatedAt >= createdAt);
    assert(updatedAt.getTime() <= Date.now());
    const listed = await Array.fromAsync(jobs); // from the start again
    assertEquals(calls.length, 3);
    assertEquals(
      listed.map(({ requestId }) => requestId).sort(),
      requestIds.sort(),
    );
  });
});

Deno.test("a listed job tells its progress, and why it failed", async () => {
  const tells = defineTool({
    description: "Is half way, for ever",
    input: nothing,
    job: true,
    run: (_args, { signal, progress }) => {
      progress(0.5, "half way");
      return new Promise<never>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    },
  });
  await withServer(async ({ client }) => {
    const { requestId } = await client.start("tells");
    await client.start("pays", { fail: true });
    await until("its progress", async () => {
      const told = await client.job({ requestId }).poll({ waitMs: 1000 });
      return told.status === "running" && told.progress !== undefined;
    });
    for await (const { tool, progress, message } of client.jobs()) {
      assertEquals(
        [progress, message],
        tool === "tells"
          ? [0.5, "half way"]
          : [undefined, "The card was refused"],
      );
    }
  }, { tools: { ...own, tells } });
});

Deno.test("iterating over jobs is broken off by its signal", async () => {
  await withServer(async ({ client }) => {
    const signal = AbortSignal.abort(new Error("enough"));
    await assertRejects(
      () => Array.fromAsync(client.jobs({ signal })),
      Error,
      "enough",
    );
    for (const call of [client.identity, client.tools]) {
      await assertRejects(async () => await call({ signal }), Error, "enough");
    }
  });
});

Deno.test("a forged refusal that names a job is not taken for the job's end", async () => {
  await withServer(async ({ handle }) => {
    let forge = false;
    const client: Client<typeof own> = clientOf(async (request) => {
      if (!forge) return await handle(request);
      const { request_id } = await request.json();
      return Response.json({
        v: "mcp/0.1",
        request_id,
        ts_ms: Date.now(),
        ok: false,
        server_id: SERVER_ID,
        status: "error",
        result: { job_id: jobId },
        error: "unauthenticated: Give it up",
        signature: "",
      });
    });
    const job = await client.start("waits_forever");
    const [{ jobId }] = await Array.fromAsync(client.jobs());
    forge = true;
    for (const { poll } of [job, client.job(job), client.job(jobId)]) {
      assertEquals(await codeOf(poll()), "unauthenticated");
    }
  });
});

Deno.test("a job's handle is typed by its tool's name", () => {
  // Checked by the compiler alone: nothing here is run.
  async function typed() {
    const client = clientOf<typeof own>(() => new Response());
    const id = "0123456789abcdef0123456789abcdef";
    (await client.job("pays", id).result()) satisfies string;
    (await client.job("asks", { requestId: "r" }).result()) satisfies string[];
    const anew = client.job("pays", await client.start("pays"));
    (await anew.result()) satisfies string;
    (await client.job<number>(id).result()) satisfies number;
    (await client.job(id).result()) satisfies unknown;
    // @ts-expect-error -- the result of a job by its id alone is unknown
    (await client.job(id).result()) satisfies string;
    // @ts-expect-error -- the result is a string
    (await client.job("pays", id).result()) satisfies number;
    // @ts-expect-error -- no tool has this name
    client.job("pay", id);
    // @ts-expect-error -- a tool that answers at once has no jobs
    client.job("echo", id);
    // @ts-expect-error -- the server's own tools are methods
    await client.call("list_jobs");
    // @ts-expect-error -- no such status
    client.jobs({ status: "working" });
    const job = await client.start("pays");
    job.requestId satisfies string;
    job.id satisfies string;
    // @ts-expect-error -- declining has no content
    await job.answer("q", { action: "decline", content: {} });
    const state = await job.poll();
    if (state.status === "cancelled") state.error.code satisfies string;
    const untyped: Client = clientOf(() => new Response());
    (await untyped.call("any", { a: 1 })).some.thing;
    (await (await untyped.start("any")).result()).some.thing;
    (await untyped.job("any", id).result()).some.thing;
    (await untyped.job<number>(id).result()) satisfies number;
  }
  assertEquals(typeof typed, "function");
});
