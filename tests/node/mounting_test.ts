/** A server under a path of Hono and of Express, signatures and all. */
import { assert, assertEquals } from "@std/assert";
import express from "npm:express@5.1.0";
import { Hono } from "npm:hono@4.10.1";
import { createServer, defineTool, type } from "@countersign/mcp";
import { nodeListener, serve } from "@countersign/mcp/node";
import { signedFetch } from "@countersign/mcp/signatures";
import { clientOf } from "../support/clients.ts";
import { CLIENT_ID, PARTIES, SECRET, SERVER_ID } from "../support/parties.ts";

const tools = {
  greet: defineTool({
    description: "Greets someone by name",
    input: type({ name: "string" }),
    run: ({ name }) => `Hello, ${name}!`,
  }),
};

function mounted() {
  return createServer({
    ...PARTIES,
    tools,
    nonces: { store: "memory" },
    path: "/tools",
    mcp: { path: "/tools/mcp" },
    log: () => {},
  });
}

/** An envelope, and an MCP request that is signed for the URL it is sent to. */
async function callThrough(base: string): Promise<void> {
  const client = clientOf<typeof tools>(`${base}/tools`);
  assertEquals(await client.call("greet", { name: "Ada" }), "Hello, Ada!");
  const fetch = signedFetch({
    serverId: SERVER_ID,
    clientId: CLIENT_ID,
    secret: SECRET,
  });
  const response = await fetch(`${base}/tools/mcp`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2025-11-25",
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "greet", arguments: { name: "Ada" } },
    }),
  });
  const text = await response.text();
  assertEquals(response.status, 200, text);
  assert(text.includes("Hello, Ada!"), text);
}

Deno.test("a server is mounted under a path of Hono", async () => {
  const { handle, stop } = mounted();
  const app = new Hono();
  app.get("/", (c) => c.text("the app's own"));
  app.all("/tools/*", (c) => handle(c.req.raw));
  app.all("/tools", (c) => handle(c.req.raw));
  const serving = await serve({
    handle: app.fetch,
    port: 0,
    hostname: "127.0.0.1",
  });
  const base = `http://127.0.0.1:${serving.port}`;
  assertEquals(await (await fetch(base)).text(), "the app's own");
  await callThrough(base);
  await serving.stop();
  await stop();
});

Deno.test({
  name: "a server is mounted under a path of Express",
  sanitizeOps: false, // Express has timers of its own
  sanitizeResources: false,
  async fn() {
    const { handle, stop } = mounted();
    const app = express();
    app.use("/tools", nodeListener(handle));
    app.use(express.json());
    app.get(
      "/",
      (_request: unknown, response: { send(text: string): void }) =>
        response.send("the app's own"),
    );
    // deno-lint-ignore no-explicit-any -- it comes without types
    const http: any = await new Promise((resolve) => {
      const server = app.listen(0, "127.0.0.1", () => resolve(server));
    });
    const base = `http://127.0.0.1:${http.address().port}`;
    assertEquals(await (await fetch(base)).text(), "the app's own");
    await callThrough(base);
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
    await stop();
  },
});
