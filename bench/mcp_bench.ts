/**
 * `tools/call` over MCP in this process, beside its floor and beside peers.
 *
 * The peers neither sign nor refuse replays, so the like for like is the open
 * endpoint; what signatures add stands in a row of its own. mcp-lite speaks an
 * earlier revision, which asks for less.
 */
import {
  createMcpHandler,
  McpServer as SdkServer,
} from "npm:@modelcontextprotocol/server@2.4.0";
import { type as arktype } from "npm:arktype@^2.2.9";
import {
  McpServer as LiteServer,
  StreamableHttpTransport,
} from "npm:mcp-lite@0.10.0";
import { batch_sum, createServer } from "../mod.ts";
import { signedFetch } from "../src/signatures/mod.ts";

type Handler = (request: Request) => Response | Promise<Response>;

const SECRET = "a-secret-for-the-bench-of-enough-bytes";
const SIZES = {
  small: [1, 2, 3],
  large: Array.from({ length: 10_000 }, (_, i) => i * 7),
};
const input = arktype({ numbers: "number[] >= 1" });

function sum({ numbers }: { numbers: number[] }) {
  const total = numbers.reduce((sum, number) => sum + number, 0);
  const structuredContent = { count: numbers.length, total };
  const text = JSON.stringify(structuredContent);
  return { content: [{ type: "text" as const, text }], structuredContent };
}

const options = {
  serverId: "bench-server",
  serverSecret: "the-servers-secret-for-the-bench-as-long",
  clients: { "bench-client": SECRET },
  tools: { batch_sum },
  nonces: { store: "memory" as const },
};
const open = createServer({ ...options, mcp: { authenticate: "none" } });
const signed = createServer(options);

/** Requests that a client signed, taken before they reach the server. */
let taken: Request | undefined;
const sign = signedFetch({
  clientId: "bench-client",
  secret: SECRET,
  serverId: "bench-server",
  fetch: (request) => (taken = request, new Response(null, { status: 503 })),
});

const sdk = createMcpHandler(() => {
  const server = new SdkServer({ name: "bench", version: "1.0.0" });
  // Its types want a schema of Zod's making.
  const definition = { description: "Adds up", inputSchema: input as never };
  server.registerTool("batch_sum", definition, sum as never);
  return server;
});
const liteServer = new LiteServer({
  name: "bench",
  version: "1.0.0",
  schemaAdapter: (schema) => (schema as typeof input).toJsonSchema(),
});
liteServer.tool("batch_sum", {
  description: "Adds up",
  inputSchema: input,
  handler: sum,
});
const lite = new StreamableHttpTransport().bind(liteServer);

const floor: Handler = async (request) => {
  const { id, params } = await request.json();
  return Response.json({ jsonrpc: "2.0", id, result: sum(params.arguments) });
};

const rows: Record<string, { handle: Handler; legacy?: true; sign?: true }> = {
  "floor: parse, sum, answer": { handle: floor },
  "Countersign, open": { handle: open.handle },
  "Countersign, signed both ways": { handle: signed.handle, sign: true },
  "official SDK 2.4.0": { handle: (request) => sdk.fetch(request) },
  "mcp-lite 0.10.0": { handle: lite, legacy: true },
};

for (const [size, numbers] of Object.entries(SIZES)) {
  const total = String(numbers.reduce((sum, number) => sum + number, 0));
  for (const [name, { handle, legacy, ...row }] of Object.entries(rows)) {
    Deno.bench(`${size}: ${name}`, {
      group: `MCP, ${size}`,
      baseline: name.startsWith("floor"),
      n: size === "small" ? 1000 : 200,
      warmup: 50,
    }, async (b) => {
      const request = await prepared(numbers, legacy, row.sign);
      b.start();
      const response = await handle(request);
      const text = await response.text();
      b.end();
      if (!text.includes(total)) throw new Error(text);
    });
  }
}

async function prepared(
  numbers: number[],
  legacy = false,
  isSigned = false,
): Promise<Request> {
  const prefix = "io.modelcontextprotocol/";
  const revision = legacy ? "2025-06-18" : "2026-07-28";
  const request = new Request("http://localhost/mcp", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": revision,
      ...!legacy && { "mcp-method": "tools/call", "mcp-name": "batch_sum" },
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: {
        name: "batch_sum",
        arguments: { numbers },
        ...!legacy && {
          _meta: {
            [`${prefix}protocolVersion`]: revision,
            [`${prefix}clientCapabilities`]: {},
          },
        },
      },
    }),
  });
  if (!isSigned) return request;
  await sign(request);
  return taken as Request;
}
