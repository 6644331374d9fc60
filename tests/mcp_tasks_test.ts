/** Jobs as tasks: whose they are, what they ask, what is told of them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { content, defineTool, ToolError, type } from "../mod.ts";
import { type Fields, signed } from "./support/envelopes.ts";
import {
  ABLE,
  ask,
  call,
  mcpRequest,
  type Said,
  textOf,
} from "./support/mcp.ts";
import { type TestServer, withServer } from "./support/servers.ts";

const nothing = type({});
const stopped: string[] = [];

const tools = {
  order: defineTool({
    description: "Asks two things, in a job",
    input: nothing,
    output: type({ drink: "string", size: "string" }),
    job: { pollAfterMs: 50 },
    run: async (_args, { ask, step }) => {
      await step("begin", () => 1);
      const [drink, size] = await Promise.all([
        ask("drink", { message: "What?", form: type({ drink: "string > 1" }) }),
        ask("size", { message: "How big?", form: type({ size: "string" }) }),
      ]);
      return {
        drink: drink.action === "accept" ? drink.content.drink : drink.action,
        size: size.action === "accept" ? size.content.size : size.action,
      };
    },
  }),
  impatient: defineTool({
    description: "Waits for an answer for a moment only",
    input: nothing,
    job: true,
    run: async (_args, { ask }) =>
      (await ask("ok", {
        message: "Well?",
        form: nothing,
        withinMs: 100,
      })).action,
  }),
  draw: defineTool({
    description: "Draws, in a job",
    input: nothing,
    output: content,
    job: true,
    run: () =>
      content([{ type: "image", data: "AAAA", mimeType: "image/png" }]),
  }),
  refuse: defineTool({
    description: "Refuses, in a job",
    input: nothing,
    job: { attempts: 1 },
    run: (): string => {
      throw new ToolError("The shelf is empty");
    },
  }),
  break: defineTool({
    description: "Breaks, in a job",
    input: nothing,
    job: { attempts: 1 },
    run: (): string => {
      throw new Error("hunter2");
    },
  }),
  hang: defineTool({
    description: "Ends only when it is stopped",
    input: nothing,
    job: true,
    run: (_args, { signal, progress, requestId }) =>
      new Promise<string>((_resolve, reject) => {
        progress(0.5, "half way");
        signal.addEventListener("abort", () => {
          stopped.push(requestId);
          reject(signal.reason);
        });
      }),
  }),
  only_a_task: defineTool({
    description: "Is never waited for",
    input: nothing,
    job: { inline: false },
    run: () => "done",
  }),
};

const options = {
  tools,
  mcp: {
    authenticate: (request: Request) =>
      Promise.resolve({ id: request.headers.get("x-who") ?? "client-001" }),
  },
};

async function start(server: TestServer, name: string): Promise<string> {
  const { result } = await call(server, name);
  assertEquals(result?.resultType, "task");
  assert(!("result" in result!) && !("inputRequests" in result!));
  return String(result?.taskId);
}

const get = (server: TestServer, taskId: string, headers = {}): Promise<Said> =>
  ask(server, mcpRequest("tasks/get", { taskId }, { headers }));

const update = (server: TestServer, taskId: string, inputResponses: Fields) =>
  ask(server, mcpRequest("tasks/update", { taskId, inputResponses }));

/** Asks until a task stands as it is waited for. */
async function until(server: TestServer, taskId: string, status: string) {
  for (let tries = 0; tries < 100; tries++) {
    const { result } = await get(server, taskId);
    if (result?.status === status) return result;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`The task never was ${status}`);
}

Deno.test("a job that asks is input_required until all is answered, then goes on", () =>
  withServer(async (server) => {
    const id = await start(server, "order");
    const asking = await until(server, id, "input_required");
    assertEquals(Object.keys(asking.inputRequests as Fields).sort(), [
      "drink",
      "size",
    ]);
    const acked = await update(server, id, {
      drink: { action: "accept", content: { drink: "tea" } },
      nobody: { action: "accept" },
    });
    assertEquals(acked.result?.resultType, "complete");
    const left = (await get(server, id)).result;
    assertEquals(left?.status, "input_required");
    assertEquals(Object.keys(left?.inputRequests as Fields), ["size"]);
    await update(server, id, { size: { action: "decline" } });
    const { result } = await until(server, id, "completed");
    assertEquals((result as Fields).structuredContent, {
      drink: "tea",
      size: "decline",
    });
  }, options));

Deno.test("an answer that does not fit is asked for again under a name of its own", () =>
  withServer(async (server) => {
    const id = await start(server, "order");
    await until(server, id, "input_required");
    await update(server, id, {
      drink: { action: "accept", content: { drink: "x" } },
      size: { action: "accept", content: { size: "big" } },
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const again = await until(server, id, "input_required");
    assertEquals(Object.keys(again.inputRequests as Fields), ["drink.2"]);
    await update(server, id, {
      "drink.2": { action: "accept", content: { drink: "tea" } },
    });
    await until(server, id, "completed");
  }, options));

Deno.test("an envelope may answer what a job asks", () =>
  withServer(async (server) => {
    const envelope = async (tool: string, args: Fields = {}) =>
      (await server.post(signed({ tool, args }))).answer;
    const accepted = await envelope("order");
    const { job_id } = accepted.result as Fields;
    await until(server, String(job_id), "input_required");
    const polled = await envelope("poll_job", { job_id });
    const { questions } = polled.result as { questions: Fields };
    assertEquals(Object.keys(questions).sort(), ["drink", "size"]);
    const wrong = await envelope("answer_job", {
      job_id,
      answers: { drink: 1 },
    });
    assertStringIncludes(String(wrong.error), "invalid_args");
    const answer = (content: Fields) => ({ action: "accept", content });
    const told = await envelope("answer_job", {
      job_id,
      answers: { drink: answer({ drink: "tea" }), size: answer({ size: "S" }) },
    });
    assertEquals(told.result, { job_id, status: "running" });
    await until(server, String(job_id), "completed");
    const done = await envelope("poll_job", { job_id });
    assertEquals([done.status, done.result], [
      "done",
      { drink: "tea", size: "S" },
    ]);
  }, options));

Deno.test("silence past a question's time is taken for cancel", () =>
  withServer(async (server) => {
    const id = await start(server, "impatient");
    const { result } = await until(server, id, "completed");
    assertEquals((result as { content: Fields[] }).content[0].text, "cancel");
  }, options));

Deno.test("a task of somebody else's reads like one that never was", () =>
  withServer(async (server) => {
    const id = await start(server, "hang");
    const headers = { "x-who": "eve" };
    const unknown = await get(server, "0".repeat(32));
    const others = [
      await get(server, id, headers),
      await ask(
        server,
        mcpRequest("tasks/cancel", { taskId: id }, { headers }),
      ),
      await ask(
        server,
        mcpRequest("tasks/update", { taskId: id, inputResponses: {} }, {
          headers,
        }),
      ),
    ];
    for (const { error } of others) assertEquals(error, unknown.error);
    assertEquals((await get(server, id)).result?.status, "working");
  }, options));

Deno.test("a cancelled task stays cancelled, and its tool is stopped", () =>
  withServer(async (server) => {
    const id = await start(server, "hang");
    const before = stopped.length;
    for (let twice = 0; twice < 2; twice++) {
      const said = await ask(
        server,
        mcpRequest("tasks/cancel", { taskId: id }),
      );
      assertEquals(said.result?.resultType, "complete");
    }
    assertEquals((await get(server, id)).result?.status, "cancelled");
    assertEquals(stopped.length, before + 1);
  }, options));

Deno.test("a tool that refuses completes its task with isError, one that breaks fails it", () =>
  withServer(async (server) => {
    const refused = await until(
      server,
      await start(server, "refuse"),
      "completed",
    );
    assertEquals((refused.result as Fields).isError, true);
    assertStringIncludes(JSON.stringify(refused), "The shelf is empty");
    const broken = await until(server, await start(server, "break"), "failed");
    assertEquals((broken.error as Fields).code, -32603);
    assert(!JSON.stringify(broken).includes("hunter2"));
    assert(Number(broken.ttlMs) >= 86_400_000);
  }, options));

Deno.test("content of a job reaches the model as it is", () =>
  withServer(async (server) => {
    const { result } = await until(
      server,
      await start(server, "draw"),
      "completed",
    );
    assertEquals((result as Fields).content, [
      { type: "image", data: "AAAA", mimeType: "image/png" },
    ]);
  }, options));

Deno.test("a client that does not follow tasks waits for the job, or is told it must", () =>
  withServer(async (server) => {
    const capabilities = {};
    const drawn = await call(server, "draw", {}, { capabilities });
    assertEquals(drawn.result?.resultType, "complete");
    const asked = await call(server, "order", {}, { capabilities });
    assertStringIncludes(textOf(asked), "answer_job");
    const refused = await call(server, "only_a_task", {}, { capabilities });
    assertEquals([refused.status, refused.error?.code], [400, -32021]);
    assertEquals(refused.error?.data, {
      requiredCapabilities: {
        extensions: { "io.modelcontextprotocol/tasks": {} },
      },
    });
  }, options));

Deno.test("progress comes before the result, and closing the stream stops the work", () =>
  withServer(async (server) => {
    const before = stopped.length;
    const response = await server.handle(
      mcpRequest("tools/call", { name: "hang" }, {
        capabilities: { elicitation: ABLE.elicitation },
        meta: { progressToken: "p" },
      }),
    );
    assertEquals(response.headers.get("content-type"), "text/event-stream");
    const reader = response.body!.pipeThrough(new TextDecoderStream())
      .getReader();
    const { value } = await reader.read();
    assertStringIncludes(value ?? "", '"progress":0.5,"total":1');
    assertStringIncludes(value ?? "", '"progressToken":"p"');
    await reader.cancel();
    for (let tries = 0; tries < 100 && stopped.length === before; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assertEquals(stopped.length, before + 1);
  }, options));

Deno.test("listening acknowledges first, tells each change of one's tasks, and ends with them", () =>
  withServer(async (server) => {
    const id = await start(server, "order");
    const others = await ask(
      server,
      mcpRequest("tools/call", { name: "hang" }, {
        headers: { "x-who": "eve", "mcp-name": "hang" },
      }),
    );
    const listening = ask(
      server,
      mcpRequest("subscriptions/listen", {
        notifications: {
          taskIds: [id, String(others.result?.taskId)],
          toolsListChanged: true,
        },
      }, { id: "sub-1" }),
    );
    await until(server, id, "input_required");
    await update(server, id, {
      drink: { action: "accept", content: { drink: "tea" } },
    });
    await update(server, id, {
      size: { action: "accept", content: { size: "S" } },
    });
    const { notified, result } = await listening;
    const [acknowledged, ...changes] = notified as {
      method: string;
      params: Fields;
    }[];
    assertEquals(
      acknowledged.method,
      "notifications/subscriptions/acknowledged",
    );
    assertEquals(acknowledged.params.notifications, { taskIds: [id] });
    const subscriptionId = "io.modelcontextprotocol/subscriptionId";
    for (const { params } of notified as { params: Fields }[]) {
      assertEquals((params._meta as Fields)[subscriptionId], "sub-1");
    }
    assert(changes.every(({ method }) => method === "notifications/tasks"));
    const last = changes.at(-1)?.params;
    assertEquals([last?.taskId, last?.status], [id, "completed"]);
    assert(changes.some(({ params }) => params.status === "input_required"));
    assertEquals((result?._meta as Fields)[subscriptionId], "sub-1");
  }, options));

Deno.test("who looks after a task in haste is told to wait", () => {
  const asked: string[] = [];
  return withServer(async (server) => {
    const params = { taskId: "0".repeat(32) };
    const said = await ask(server, mcpRequest("tasks/get", params));
    assertEquals(said.status, 429);
    assertEquals(asked, ["tasks/get"]);
  }, {
    mcp: { authenticate: "none" },
    rateLimit: ({ tool }) => ({ retryAfterMs: asked.push(tool) * 1000 }),
  });
});
