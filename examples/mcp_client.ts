/**
 * The official MCP client calls a tool of a server that takes signed requests
 * only: `signedFetch` is all that it needs.
 *
 *     deno run -A examples/mcp_client.ts
 *
 * Every line that is printed was checked; anything else ends with an error.
 */
// deno-lint-ignore-file no-import-prefix -- a package of this example alone
import {
  Client,
  StreamableHTTPClientTransport,
} from "npm:@modelcontextprotocol/client@2.4.0";
import { signedFetch } from "../src/signatures/mod.ts";
import { startServer } from "./server_process.ts";

const serverId = "mcp-server-001";
const clientId = "client-001";
const secret = crypto.randomUUID() + crypto.randomUUID();
const folder = await Deno.makeTempDir({ prefix: "countersign-" });
await using server = await startServer({
  COUNTERSIGN_SERVER_ID: serverId,
  COUNTERSIGN_SERVER_SECRET: crypto.randomUUID() + crypto.randomUUID(),
  COUNTERSIGN_CLIENTS: JSON.stringify({ [clientId]: secret }),
  COUNTERSIGN_KV_URL: `${folder}/kv.db`,
});

const client = new Client({ name: "example", version: "1.0.0" }, {
  versionNegotiation: { mode: { pin: "2026-07-28" } },
});
const url = new URL("/mcp", server.url);
const fetch = signedFetch({ clientId, secret, serverId });
await client.connect(new StreamableHTTPClientTransport(url, { fetch }));

const { tools } = await client.listTools();
check(tools.some(({ name }) => name === "batch_sum"), "batch_sum is listed");

const result = await client.callTool({
  name: "batch_sum",
  arguments: { numbers: [1, 2, 3] },
});
const { total } = result.structuredContent as { total: number };
check(total === 6, "1 + 2 + 3 = 6");

const wrong = await client.callTool({
  name: "batch_sum",
  arguments: { numbers: [] },
});
check(wrong.isError === true, "wrong arguments are a result to mend");

const unsigned = await globalThis.fetch(url, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: "{}",
});
await unsigned.body?.cancel();
check(unsigned.status === 401, "who does not sign is answered 401");

await client.close();
await Deno.remove(folder, { recursive: true });

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Does not hold: ${what}`);
  console.log(what);
}
