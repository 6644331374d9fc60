/** The revisions that begin with `initialize`, without sessions. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { defineTool, type, withParamHeaders } from "../mod.ts";
import type { Fields } from "./support/envelopes.ts";
import { ask, raw, type Said, textOf } from "./support/mcp.ts";
import { type TestServer, withServer } from "./support/servers.ts";
import { tools } from "./support/tools.ts";

const open = {
  mcp: { authenticate: "none", version: "7" },
  tools: {
    ...tools,
    asks: defineTool({
      description: "Asks",
      input: type({}),
      run: async (_args, { ask }) =>
        (await ask("q", { message: "Well?", form: type({}) })).action,
    }),
    lists: defineTool({
      description: "Returns a list",
      input: type({}),
      output: type("number[]"),
      run: () => [1],
    }),
  },
} as const;

const post = (server: TestServer, body: unknown, headers = {}): Promise<Said> =>
  ask(
    server,
    raw(JSON.stringify(body), {
      "content-type": "application/json",
      ...headers,
    }),
  );

const send = (server: TestServer, method: string, params: Fields = {}) =>
  post(server, { jsonrpc: "2.0", id: 0, method, params });

for (const asked of ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]) {
  const answered = asked === "2024-11-05" ? "2025-11-25" : asked;
  Deno.test(`initialize of ${asked} is answered with ${answered} and no session`, () =>
    withServer(async (server) => {
      const response = await server.handle(
        raw(JSON.stringify({
          jsonrpc: "2.0",
          id: 0,
          method: "initialize",
          params: { protocolVersion: asked, capabilities: {} },
        })),
      );
      assertEquals(response.headers.get("mcp-session-id"), null);
      assertEquals((await response.json()).result, {
        protocolVersion: answered,
        capabilities: { tools: {} },
        serverInfo: { name: "mcp-server-001", version: "7" },
      });
    }, open));
}

Deno.test("earlier revisions get results without what is new", () =>
  withServer(async (server) => {
    const listed = await send(server, "tools/list");
    assertEquals(Object.keys(listed.result ?? {}), ["tools"]);
    const entries = listed.result?.tools as Fields[];
    const lists = entries.find(({ name }) => name === "lists");
    assert(lists && !("outputSchema" in lists));
    assert(entries.some(({ name }) => name === "poll_job"));
    const called = await send(server, "tools/call", { name: "lists" });
    assertEquals(called.result, { content: [{ type: "text", text: "[1]" }] });
    assertEquals((await send(server, "ping")).result, {});
  }, open));

Deno.test("a tool that must ask tells a client of an earlier revision so", () =>
  withServer(async (server) => {
    const said = await send(server, "tools/call", { name: "asks" });
    assertEquals(said.result?.isError, true);
    assertStringIncludes(textOf(said), "Well?");
  }, open));

Deno.test("a job is waited for, and its result is the call's", () =>
  withServer(async (server) => {
    const said = await send(server, "tools/call", {
      name: "answers_now",
      arguments: { value: 7 },
    });
    assertEquals(said.result?.structuredContent, { value: 7 });
  }, open));

Deno.test("a missing method is told in the body, with status 200", () =>
  withServer(async (server) => {
    const said = await send(server, "resources/list");
    assertEquals([said.status, said.error?.code], [200, -32601]);
    assertEquals(said.id, 0);
  }, open));

Deno.test("a batch of 2025-03-26 is answered in its order, one of a later revision refused", () =>
  withServer(async (server) => {
    const batch = [
      { jsonrpc: "2.0", id: 1, method: "ping" },
      { jsonrpc: "2.0", method: "notifications/initialized" },
      { jsonrpc: "2.0", id: 2, method: "none" },
    ];
    const response = await server.handle(raw(JSON.stringify(batch)));
    const answers = await response.json();
    assertEquals(answers.map(({ id }: Fields) => id), [1, 2]);
    assertEquals(answers[1].error.code, -32601);
    const later = await post(server, batch, {
      "mcp-protocol-version": "2025-06-18",
    });
    assertEquals([later.status, later.error?.code], [400, -32600]);
  }, open));

Deno.test("headers that repeat a body of an earlier revision must be true where they are there", async () => {
  const region = defineTool({
    description: "Tells a region",
    input: withParamHeaders(
      type({ "region?": "string", "level?": "number.integer" }),
      {
        region: "Region",
        level: "Level",
      },
    ),
    run: ({ region }) => ({ region: region ?? "none" }),
  });
  const body = (method: string, params: Fields = {}, id: unknown = 0) => ({
    jsonrpc: "2.0",
    ...id !== null && { id },
    method,
    params,
  });
  const call = (args: Fields = { region: "eu", level: 1 }) =>
    body("tools/call", { name: "region", arguments: args });
  const honest: [unknown, Record<string, string>][] = [
    [call(), {}],
    [call(), { "mcp-method": "tools/call", "mcp-name": "region" }],
    [call(), { "mcp-param-region": "eu", "mcp-param-level": "1" }],
    [call(), { "mcp-name": "=?base64?cmVnaW9u?=", "mcp-param-other": "x" }],
    [call({}), { "mcp-method": "tools/call" }],
    [body("tools/list"), { "mcp-method": "tools/list" }],
  ];
  const lying: [unknown, Record<string, string>][] = [
    [call(), { "mcp-method": "tools/list" }],
    [call(), { "mcp-name": "batch_sum" }],
    [call(), { "mcp-name": "=?base64?%?=" }],
    [call(), { "mcp-param-region": "us" }],
    [call(), { "mcp-param-level": "2" }],
    [call({}), { "mcp-param-region": "eu" }],
    [call({ region: null }), { "mcp-param-region": "eu" }],
    [call({ region: ["eu"] }), { "mcp-param-region": "eu" }],
    [body("tools/list"), { "mcp-method": "tools/call" }],
    [body("tools/list"), { "mcp-name": "region" }],
    [body("initialize", { protocolVersion: "2025-06-18" }), {
      "mcp-method": "ping",
    }],
    [body("notifications/initialized", {}, null), { "mcp-method": "ping" }],
  ];
  await withServer(async (server) => {
    for (const [message, headers] of honest) {
      const said = await post(server, message, headers);
      assert(said.result && !said.result.isError, JSON.stringify(said));
    }
    for (const [message, headers] of lying) {
      const said = await post(server, message, headers);
      const code = [said.status, said.error?.code];
      assertEquals(code, [400, -32020], JSON.stringify([message, headers]));
    }
    // In a batch a header is about every message.
    const batch = [call(), body("ping", {}, 1)];
    const response = await server.handle(
      raw(JSON.stringify(batch), {
        "content-type": "application/json",
        "mcp-method": "tools/call",
      }),
    );
    const [called, pinged] = await response.json();
    assertEquals(called.result.isError, undefined);
    assertEquals(pinged.error.code, -32020);
  }, { ...open, tools: { ...open.tools, region } });
});
