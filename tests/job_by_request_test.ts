/** A job named by the request that started it, by envelope and over MCP. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { content, defineTool, type } from "../mod.ts";
import { type Fields, signed } from "./support/envelopes.ts";
import { OTHER_ID, OTHER_SECRET } from "./support/parties.ts";
import { ask, call, mcpRequest, textOf } from "./support/mcp.ts";
import { type TestServer, withServer } from "./support/servers.ts";
import { tools } from "./support/tools.ts";
import { until } from "./support/until.ts";

const FOLLOW_UPS = ["poll_job", "answer_job", "cancel_job"];
const ID = { type: "string", pattern: "^[A-Za-z0-9_.:-]{1,128}$" };

const own = {
  ...tools,
  asks: defineTool({
    description: "Asks for a drink",
    input: type({}),
    job: true,
    run: async (_args, { ask }) => {
      const reply = await ask("drink", {
        message: "What?",
        form: type({ drink: "string" }),
      });
      return reply.action === "accept" ? reply.content.drink : reply.action;
    },
  }),
  draws: defineTool({
    description: "Draws",
    input: type({}),
    output: content,
    job: true,
    run: () =>
      content([{ type: "image", data: "AAAA", mimeType: "image/png" }]),
  }),
};

/** Sends a call; HTTP status, status, and the result or the error's code. */
async function send(
  { post }: Pick<TestServer, "post">,
  tool: string,
  args: Fields,
) {
  const { status, answer } = await post(signed({ tool, args }));
  return [status, answer.status, answer.ok ? answer.result : answer.error];
}

const start = async (
  { post }: Pick<TestServer, "post">,
  tool: string,
  request_id: string,
) => {
  const body = signed({ tool, args: {}, request_id });
  const { answer } = await post(body);
  return (answer.result as { job_id: string }).job_id;
};

Deno.test("a caller that lost its answer asks by request_id what became of its call", () =>
  withServer(async (server) => {
    const request_id = "order-1";
    const unknown = await send(server, "poll_job", { request_id });
    assertEquals(unknown.slice(0, 2), [404, "error"]);
    assertStringIncludes(String(unknown[2]), "job_not_found: ");
    const job_id = await start(server, "asks", request_id);
    const questions = await until("its question", async () => {
      const [status, word, result] = await send(server, "poll_job", {
        request_id,
        wait_ms: 100,
      });
      assertEquals([status, word], [200, "running"]);
      return (result as Fields).questions as Fields | undefined;
    });
    assertEquals(Object.keys(questions), ["drink"]);
    const drink = { action: "accept", content: { drink: "tea" } };
    assertEquals(
      await send(server, "answer_job", { request_id, answers: { drink } }),
      [200, "ok", { job_id, status: "running" }],
    );
    assertEquals(
      await send(server, "poll_job", { request_id, wait_ms: 5000 }),
      [200, "done", "tea"],
    );
    assertEquals(
      await send(server, "cancel_job", { request_id }),
      [200, "ok", { job_id, status: "done" }],
    );
  }, { tools: own }));

Deno.test("a job is cancelled by request_id, and its end names it by its id", () =>
  withServer(async (server) => {
    const request_id = "wait-1";
    const job_id = await start(server, "waits_forever", request_id);
    assertEquals(
      await send(server, "cancel_job", { request_id }),
      [200, "ok", { job_id, status: "cancelled" }],
    );
    const { status, answer } = await server.post(
      signed({ tool: "poll_job", args: { request_id } }),
    );
    assertEquals([status, answer.ok, answer.result], [200, false, { job_id }]);
    assertStringIncludes(String(answer.error), "job_cancelled: ");
  }));

Deno.test("the same request_id of another client names no job of the first", () =>
  withServer(async (server) => {
    const request_id = "wait-1";
    await start(server, "waits_forever", request_id);
    for (const tool of FOLLOW_UPS) {
      const args = { request_id, ...tool === "answer_job" && { answers: {} } };
      const body = signed({ tool, args, client_id: OTHER_ID }, OTHER_SECRET);
      const { status, answer } = await server.post(body);
      assertEquals(status, 404, tool);
      assertStringIncludes(String(answer.error), "job_not_found: ");
    }
    const [, word] = await send(server, "poll_job", { request_id });
    assertEquals(word, "running");
  }));

Deno.test("a job is named by exactly one of job_id and request_id", () =>
  withServer(async (server) => {
    const request_id = "wait-1";
    const job_id = await start(server, "waits_forever", request_id);
    for (const tool of FOLLOW_UPS) {
      const rest = tool === "answer_job" ? { answers: {} } : {};
      for (const key of [{}, { job_id, request_id }]) {
        const { status, answer } = await server.post(
          signed({ tool, args: { ...key, ...rest } }),
        );
        assertEquals(status, 422, tool);
        const message = "Name the job by its job_id, or by the request_id of " +
          "your call that started it: exactly one of them";
        assertEquals(answer.error, `invalid_args: ${message}`);
        assertEquals(answer.result, { issues: [{ path: [], message }] });
      }
      const odd = { request_id: "no id", ...rest };
      const { answer } = await server.post(signed({ tool, args: odd }));
      const { issues } = answer.result as { issues: Fields[] };
      assertEquals(issues.map(({ path }) => path), [["request_id"]]);
    }
  }));

Deno.test("tools that name a job are listed as one object that says so", () =>
  withServer(async (server) => {
    const { answer } = await server.post(
      signed({ tool: "list_tools", args: {} }),
    );
    const listed = (answer.result as { tools: Fields[] }).tools
      .map((tool) => ({ ...tool, inputSchema: tool.input_schema }) as Fields);
    const { result } = await ask(server, mcpRequest("tools/list"));
    for (const entries of [listed, result?.tools as Fields[]]) {
      for (const name of FOLLOW_UPS) {
        const entry = entries.find((each) => each.name === name);
        assert(entry, name);
        assertStringIncludes(String(entry.description), "exactly one of them");
        const { type, properties, required = [], ...schema } = entry
          .inputSchema as Fields;
        assertEquals(type, "object");
        assertEquals(required, name === "answer_job" ? ["answers"] : []);
        assert(!("anyOf" in schema || "oneOf" in schema || "allOf" in schema));
        const { job_id, request_id } = properties as Fields;
        assertEquals([job_id, request_id], [ID, ID]);
      }
    }
  }, { mcp: { authenticate: "none" } }));

Deno.test("over MCP a job that an envelope started is polled by its request_id", () =>
  withServer(async (server) => {
    await start(server, "draws", "draw-1");
    const args = { request_id: "draw-1", wait_ms: 5000 };
    const drawn = await call(server, "poll_job", args);
    assertEquals(drawn.result?.content, [
      { type: "image", data: "AAAA", mimeType: "image/png" },
    ]);
    const neither = await call(server, "poll_job");
    assertEquals(neither.result?.isError, true);
    assertStringIncludes(textOf(neither), "exactly one of them");
  }, {
    tools: own,
    mcp: { authenticate: () => Promise.resolve({ id: "client-001" }) },
  }));
