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
import { CLIENT_ID } from "./support/parties.ts";
import { type TestServer, withServer } from "./support/servers.ts";
import { until } from "./support/until.ts";

const nothing = type({});

/** The tools of one test; `stopped` gets whoever of them was told to stop. */
const toolsOf = (stopped: string[]) => ({
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
});

type Tasks = Pick<TestServer, "handle" | "post">;

/** A server of one test, that believes whoever a header names. */
function withTasks(use: (server: Tasks, stopped: string[]) => Promise<void>) {
  const stopped: string[] = [];
  return withServer((server) => use(server, stopped), {
    tools: toolsOf(stopped),
    mcp: {
      authenticate: (request: Request) =>
        Promise.resolve({ id: request.headers.get("x-who") ?? CLIENT_ID }),
    },
  });
}

async function start(server: Tasks, name: string): Promise<string> {
  const { result } = await call(server, name);
  assertEquals(result?.resultType, "task");
  assert(!("result" in result!) && !("inputRequests" in result!));
  return String(result?.taskId);
}

const get = (server: Tasks, taskId: string, headers = {}): Promise<Said> =>
  ask(server, mcpRequest("tasks/get", { taskId }, { headers }));

const update = (server: Tasks, taskId: string, inputResponses: Fields) =>
  ask(server, mcpRequest("tasks/update", { taskId, inputResponses }));

/** Asks until a task stands as it is waited for. */
const untilTask = (server: Tasks, taskId: string, status: string) =>
  until(`a task that is ${status}`, async () => {
    const { result } = await get(server, taskId);
    return result?.status === status && result;
  });

Deno.test("a job that asks is input_required until all is answered, then goes on", () =>
  withTasks(async (server) => {
    const id = await start(server, "order");
    const asking = await untilTask(server, id, "input_required");
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
    const { result } = await untilTask(server, id, "completed");
    assertEquals((result as Fields).structuredContent, {
      drink: "tea",
      size: "decline",
    });
  }));

Deno.test("an answer that does not fit is asked for again under a name of its own", () =>
  withTasks(async (server) => {
    const id = await start(server, "order");
    await untilTask(server, id, "input_required");
    await update(server, id, {
      drink: { action: "accept", content: { drink: "x" } },
      size: { action: "accept", content: { size: "big" } },
    });
    const again = await until("another question", async () => {
      const { inputRequests } = (await get(server, id)).result ?? {};
      return inputRequests && Object.keys(inputRequests);
    });
    assertEquals(again, ["drink.2"]);
    await update(server, id, {
      "drink.2": { action: "accept", content: { drink: "tea" } },
    });
    await untilTask(server, id, "completed");
  }));

Deno.test("an envelope may answer what a job asks", () =>
  withTasks(async (server) => {
    const envelope = async (tool: string, args: Fields = {}) =>
      (await server.post(signed({ tool, args }))).answer;
    const accepted = await envelope("order");
    const { job_id } = accepted.result as Fields;
    await untilTask(server, String(job_id), "input_required");
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
    await untilTask(server, String(job_id), "completed");
    const done = await envelope("poll_job", { job_id });
    assertEquals([done.status, done.result], [
      "done",
      { drink: "tea", size: "S" },
    ]);
  }));

Deno.test("silence past a question's time is taken for cancel", () =>
  withTasks(async (server) => {
    const id = await start(server, "impatient");
    const { result } = await untilTask(server, id, "completed");
    assertEquals((result as { content: Fields[] }).content[0].text, "cancel");
  }));

Deno.test("a task of somebody else's reads like one that never was", () =>
  withTasks(async (server) => {
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
  }));

Deno.test("a cancelled task stays cancelled, and its tool is stopped", () =>
  withTasks(async (server, stopped) => {
    const id = await start(server, "hang");
    for (let twice = 0; twice < 2; twice++) {
      const said = await ask(
        server,
        mcpRequest("tasks/cancel", { taskId: id }),
      );
      assertEquals(said.result?.resultType, "complete");
    }
    assertEquals((await get(server, id)).result?.status, "cancelled");
    assertEquals(stopped.length, 1);
  }));

Deno.test("a tool that refuses completes its task with isError, one that breaks fails it", () =>
  withTasks(async (server) => {
    const refused = await untilTask(
      server,
      await start(server, "refuse"),
      "completed",
    );
    assertEquals((refused.result as Fields).isError, true);
    assertStringIncludes(JSON.stringify(refused), "The shelf is empty");
    const broken = await untilTask(
      server,
      await start(server, "break"),
      "failed",
    );
    assertEquals((broken.error as Fields).code, -32603);
    assert(!JSON.stringify(broken).includes("hunter2"));
    assert(Number(broken.ttlMs) >= 86_400_000);
  }));

Deno.test("content of a job reaches the model as it is", () =>
  withTasks(async (server) => {
    const { result } = await untilTask(
      server,
      await start(server, "draw"),
      "completed",
    );
    assertEquals((result as Fields).content, [
      { type: "image", data: "AAAA", mimeType: "image/png" },
    ]);
  }));

Deno.test("a client that does not follow tasks waits for the job, or is told it must", () =>
  withTasks(async (server) => {
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
  }));

Deno.test("progress comes before the result, and closing the stream stops the work", () =>
  withTasks(async (server, stopped) => {
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
    await until("the tool's end", () => stopped.length > 0);
    assertEquals(stopped.length, 1);
  }));

Deno.test("listening acknowledges first, tells each change of one's tasks, and ends with them", () =>
  withTasks(async (server) => {
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
    await untilTask(server, id, "input_required");
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
  }));

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
