/** Every rule of MCP 2026-07-28 for headers and shapes: its code and its status. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { defineTool, type, withParamHeaders } from "../mod.ts";
import type { Fields } from "./support/envelopes.ts";
import {
  ABLE,
  ask,
  call,
  type Changes,
  mcpRequest,
  raw,
  REVISION,
} from "./support/mcp.ts";
import { withServer } from "./support/servers.ts";
import { tools } from "./support/tools.ts";

const open = {
  mcp: { authenticate: "none" },
  tools: {
    ...tools,
    routed: defineTool({
      description: "Takes arguments that headers repeat",
      input: withParamHeaders(
        type({
          region: "string",
          "count?": "number.integer",
          "dry?": "boolean",
        }),
        { region: "Region", count: "Count", dry: "Dry" },
      ),
      run: (args) => args,
    }),
  },
} as const;

const PROTOCOL = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
const sum = { name: "batch_sum", arguments: { numbers: [1, 2] } };

// deno-fmt-ignore -- a table
/** What is wrong, the request that has it, the status and the code. */
const RULES: [string, string, Fields, Changes, number, number | undefined][] = [
  ["nothing", "tools/call", sum, {}, 200, undefined],
  ["nothing, though the id is text", "tools/list", {}, { id: "a" }, 200, undefined],
  ["nothing, though the name is in base64", "tools/call", sum, { headers: { "mcp-name": "=?base64?YmF0Y2hfc3Vt?=" } }, 200, undefined],
  ["nothing, though white space surrounds the name", "tools/call", sum, { headers: { "mcp-name": " batch_sum\t" } }, 200, undefined],
  ["an id that is null", "tools/list", {}, { id: null }, 400, -32600],
  ["an id that is a fraction", "tools/list", {}, { id: 1.5 }, 400, -32600],
  ["an id of half an emoji", "tools/list", {}, { id: "\ud83d" }, 400, -32600],
  ["an id that is longer than any", "tools/list", {}, { id: "x".repeat(1025) }, 400, -32600],
  ["a stream for a client that takes no events", "subscriptions/listen", { notifications: {} }, { headers: { accept: "application/json" } }, 406, -32600],
  ["a task id that is none", "tasks/get", { taskId: "x".repeat(5000) }, { capabilities: ABLE, headers: { "mcp-name": "x".repeat(5000) } }, 200, -32602],
  ["an unknown method", "tools/none", {}, {}, 404, -32601],
  ["a removed method", "ping", {}, {}, 404, -32601],
  ["initialize in this revision", "initialize", {}, {}, 404, -32601],
  ["tasks/list, which is no method", "tasks/list", {}, {}, 404, -32601],
  ["a method of features not offered", "prompts/list", {}, {}, 404, -32601],
  ["no capabilities", "tools/list", {}, { meta: { [CAPABILITIES]: undefined } }, 400, -32602],
  ["capabilities that are a list", "tools/list", {}, { capabilities: [] }, 400, -32602],
  ["a revision that is a number", "tools/list", {}, { meta: { [PROTOCOL]: 1 } }, 400, -32602],
  ["an unknown log level", "tools/list", {}, { meta: { "io.modelcontextprotocol/logLevel": "loud" } }, 400, -32602],
  ["a progress token that is an object", "tools/list", {}, { meta: { progressToken: {} } }, 400, -32602],
  ["no version header", "tools/list", {}, { headers: { "mcp-protocol-version": null } }, 400, -32020],
  ["another version header", "tools/list", {}, { headers: { "mcp-protocol-version": "2025-11-25" } }, 400, -32020],
  ["no method header", "tools/list", {}, { headers: { "mcp-method": null } }, 400, -32020],
  ["another method header", "tools/list", {}, { headers: { "mcp-method": "tools/call" } }, 400, -32020],
  ["a method header in another case", "tools/list", {}, { headers: { "mcp-method": "Tools/list" } }, 400, -32020],
  ["no name header", "tools/call", sum, { headers: { "mcp-name": null } }, 400, -32020],
  ["another name header", "tools/call", sum, { headers: { "mcp-name": "echo" } }, 400, -32020],
  ["a name header twice", "tools/call", sum, { headers: { "mcp-name": "batch_sum, batch_sum" } }, 400, -32020],
  ["a name in base64 without padding", "tools/call", sum, { headers: { "mcp-name": "=?base64?YmF0Y2hfc3VtMQ?=" } }, 400, -32020],
  ["a sentinel in another case", "tools/call", sum, { headers: { "mcp-name": "=?BASE64?YmF0Y2hfc3Vt?=" } }, 400, -32020],
  ["a name header beyond ASCII", "tools/call", sum, { headers: { "mcp-name": "b\u00e4tch" } }, 400, -32020],
  ["no name header for a task", "tasks/get", { taskId: "t" }, { headers: { "mcp-name": null } }, 400, -32020],
  ["a revision that nobody speaks", "tools/list", {}, { meta: { [PROTOCOL]: "2031-01-01" }, headers: { "mcp-protocol-version": "2031-01-01" } }, 400, -32022],
  ["an earlier revision in the new form", "tools/list", {}, { meta: { [PROTOCOL]: "2025-11-25" }, headers: { "mcp-protocol-version": "2025-11-25" } }, 400, -32022],
  ["a task asked for without the capability", "tasks/get", { taskId: "t" }, { capabilities: {} }, 400, -32021],
  ["tasks followed without the capability", "subscriptions/listen", { notifications: { taskIds: ["t"] } }, { capabilities: {} }, 400, -32021],
  ["an unknown task", "tasks/get", { taskId: "t" }, {}, 200, -32602],
  ["an unknown task cancelled", "tasks/cancel", { taskId: "t" }, {}, 200, -32602],
  ["an unknown tool", "tools/call", { name: "none" }, {}, 200, -32602],
  ["a built-in tool of the other protocol", "tools/call", { name: "list_tools" }, {}, 200, -32602],
  ["arguments that are a list", "tools/call", { name: "batch_sum", arguments: [] }, {}, 200, -32602],
  ["a cursor that nobody gave", "tools/list", { cursor: "" }, {}, 200, -32602],
  ["an argument without its header", "tools/call", { name: "routed", arguments: { region: "eu" } }, {}, 400, -32020],
  ["an argument with another header", "tools/call", { name: "routed", arguments: { region: "eu" } }, { headers: { "mcp-param-region": "us" } }, 400, -32020],
  ["a number that is not its header", "tools/call", { name: "routed", arguments: { region: "eu", count: 42 } }, { headers: { "mcp-param-region": "eu", "mcp-param-count": "0x2a" } }, 400, -32020],
  ["nothing, though headers repeat arguments", "tools/call", { name: "routed", arguments: { region: "\u00dcber", count: 42, dry: true } }, { headers: { "mcp-param-region": "=?base64?w5xiZXI=?=", "mcp-param-count": "42.0", "mcp-param-dry": "true", "mcp-param-else": "x" } }, 200, undefined],
];

for (const [what, method, params, changes, status, code] of RULES) {
  Deno.test(`${method} with ${what} is answered ${status} ${code ?? ""}`, () =>
    withServer(async (server) => {
      const said = await ask(server, mcpRequest(method, params, changes));
      assertEquals([said.status, said.error?.code], [status, code]);
      const id = changes.id ?? (changes.id === undefined ? 1 : undefined);
      if (code !== -32600) assertEquals(said.id, id);
      assertEquals("result" in said, code === undefined);
    }, open));
}

// deno-fmt-ignore -- a table
/** Bodies and headers that are no request. */
const BODIES: [string, Request, number, number][] = [
  ["no JSON", raw("{"), 400, -32700],
  ["a batch of this revision", raw("[]", { "content-type": "application/json", "mcp-protocol-version": REVISION }), 400, -32600],
  ["a number", raw("1"), 400, -32600],
  ["another JSON-RPC", raw('{"jsonrpc":"1.0","id":1,"method":"ping"}'), 400, -32600],
  ["a response", raw('{"jsonrpc":"2.0","id":1,"result":{}}'), 400, -32600],
  ["another media type", raw("{}", { "content-type": "text/plain" }), 415, -32600],
  ["this revision's header and no _meta", raw('{"jsonrpc":"2.0","id":1,"method":"tools/list"}', { "content-type": "application/json", "mcp-protocol-version": REVISION }), 400, -32602],
  ["this revision's header on initialize", raw('{"jsonrpc":"2.0","id":1,"method":"initialize"}', { "content-type": "application/json", "mcp-protocol-version": REVISION }), 400, -32020],
  ["a header of no revision", raw('{"jsonrpc":"2.0","id":1,"method":"ping"}', { "content-type": "application/json", "mcp-protocol-version": "1999-01-01" }), 400, -32022],
  ["a foreign origin", raw("{}", { "content-type": "application/json", origin: "https://evil.example" }), 403, -32600],
  ["an origin of null", raw("{}", { "content-type": "application/json", origin: "null" }), 403, -32600],
  ["a foreign host", new Request("http://evil.example/mcp", { method: "POST", body: "{}" }), 403, -32600],
  ["GET", new Request("http://localhost/mcp"), 405, 1405],
  ["DELETE", new Request("http://localhost/mcp", { method: "DELETE" }), 405, 1405],
];

for (const [what, request, status, code] of BODIES) {
  Deno.test(`${what} is refused with ${status} ${code}`, () =>
    withServer(async (server) => {
      const said = await ask(server, request.clone());
      assertEquals([said.status, said.error?.code], [status, code]);
    }, open));
}

Deno.test("a body over the limit is refused with 413", () =>
  withServer(async (server) => {
    const said = await call(server, "echo", { value: "x".repeat(2000) });
    assertEquals(said.status, 413);
  }, { ...open, maxBodyBytes: 1000 }));

Deno.test("405 names POST, and an unsupported revision the supported ones", () =>
  withServer(async (server) => {
    const refused = await server.handle(new Request("http://localhost/mcp"));
    assertEquals(refused.headers.get("allow"), "POST");
    await refused.body?.cancel();
    const version = "2031-01-01";
    const said = await ask(
      server,
      mcpRequest("server/discover", {}, {
        meta: { [PROTOCOL]: version },
        headers: { "mcp-protocol-version": version },
      }),
    );
    assertEquals(said.error?.data, {
      supported: [REVISION],
      requested: version,
    });
  }, open));

Deno.test("an allowed origin is answered, and may read the answer", () =>
  withServer(async (server) => {
    const origin = "https://app.example";
    const preflight = await server.handle(
      new Request("http://localhost/mcp", {
        method: "OPTIONS",
        headers: { origin, "access-control-request-headers": "mcp-method" },
      }),
    );
    assertEquals(preflight.status, 204);
    const response = await server.handle(
      mcpRequest("tools/list", {}, { headers: { origin } }),
    );
    await response.body?.cancel();
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("access-control-allow-origin"), origin);
  }, {
    mcp: { authenticate: "none" },
    allowedOrigins: ["https://app.example"],
  }));

Deno.test("without authenticate an unsigned request is answered 401 and not with Bearer", () =>
  withServer(async (server) => {
    for (const method of ["server/discover", "tools/list", "tools/call"]) {
      const response = await server.handle(mcpRequest(method, sum));
      const { error } = await response.json();
      assertEquals([response.status, error.code], [401, 1401]);
      const challenge = response.headers.get("www-authenticate") ?? "";
      assert(challenge.startsWith("Signature "), challenge);
    }
  }));

Deno.test("a function may authenticate, and what it says a caller may not is not listed nor called", () =>
  withServer(async (server) => {
    const listed = await ask(server, mcpRequest("tools/list"));
    const names = (listed.result?.tools as { name: string }[])
      .map(({ name }) => name);
    assert(names.includes("batch_sum") && !names.includes("echo"));
    assertEquals(listed.result?.cacheScope, "private");
    const { status, error } = await call(server, "echo");
    assertEquals([status, error?.message], [200, "Unknown tool: echo"]);
    const headers = { authorization: "none" };
    const said = await call(server, "batch_sum", {}, { headers });
    assertEquals(said.status, 418);
  }, {
    mcp: {
      authenticate: (request) =>
        Promise.resolve(
          request.headers.has("authorization")
            ? new Response("{}", { status: 418 })
            : { id: "ada", may: (tool) => tool !== "echo" },
        ),
    },
  }));

Deno.test("tools/list comes in pages that hold every tool once, in one order", () => {
  const many = Object.fromEntries(
    Array.from({ length: 250 }, (_, i) => [`tool_${i}`, tools.echo]),
  );
  return withServer(async (server) => {
    const names: string[] = [];
    let cursor: unknown;
    let pages = 0;
    do {
      const params = cursor === undefined ? {} : { cursor };
      const { result } = await ask(server, mcpRequest("tools/list", params));
      for (const tool of result?.tools as { name: string }[]) {
        names.push(tool.name);
      }
      assertEquals([result?.cacheScope, result?.ttlMs], ["public", 300_000]);
      cursor = result?.nextCursor;
      pages++;
    } while (cursor !== undefined);
    assertEquals(names, Object.keys(many));
    assertEquals(pages, 3);
  }, { ...open, tools: many });
});

Deno.test("wrong arguments are a result that says what to mend", () =>
  withServer(async (server) => {
    const { status, result } = await call(server, "batch_sum", {
      numbers: ["a"],
    });
    assertEquals([status, result?.isError], [200, true]);
    assertStringIncludes(JSON.stringify(result?.content), "numbers[0]");
  }, open));

Deno.test("a tool's own words reach the model, and those of an exception do not", () =>
  withServer(async (server) => {
    const refused = await call(server, "refuses");
    assertEquals(refused.result?.isError, true);
    assertStringIncludes(JSON.stringify(refused.result), "fill it first");
    const failed = await call(server, "fails");
    assertEquals([failed.status, failed.error?.code], [200, -32603]);
    assert(!JSON.stringify(failed).includes("hunter2"));
    assertStringIncludes(
      String((server.lines[0].fields.error as Error).message),
      "hunter2",
    );
  }, open));

Deno.test("64 calls at one time under one JSON-RPC id each get their own answer", () =>
  withServer(async (server) => {
    const said = await Promise.all(
      Array.from({ length: 64 }, (_, i) => call(server, "echo", { value: i })),
    );
    assertEquals(
      said.map(({ result }) => result?.structuredContent),
      Array.from({ length: 64 }, (_, i) => ({ value: i })),
    );
  }, open));

Deno.test("a notification is accepted and not answered", () =>
  withServer(async (server) => {
    const body = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
    const response = await server.handle(raw(body));
    assertEquals([response.status, await response.text()], [202, ""]);
  }, open));

Deno.test("a result that is not JSON, or too large, is never sent", () =>
  withServer(async (server) => {
    const date = await call(server, "returns_a_date");
    assertEquals([date.status, date.error?.code], [200, -32603]);
    const much = await call(server, "returns_much", { bytes: 2000 });
    assertEquals(much.result?.isError, true);
    assertStringIncludes(JSON.stringify(much.result), "2002 characters");
  }, { ...open, maxValueBytes: 1000 }));
