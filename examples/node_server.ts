/** The README's server, for Node, Bun and Deno alike. */
import process from "node:process";
import { createServer, defineTool, type } from "@countersign/mcp";
import { serve, sqliteKv } from "@countersign/mcp/node";

const greet = defineTool({
  description: "Greets someone by name",
  input: type({ name: "1 <= string <= 64" }),
  run: ({ name }) => ({ greeting: `Hello, ${name}!` }),
});
const { handle, stop } = createServer({
  serverId: "greeter",
  serverSecret: process.env.SERVER_SECRET ?? "",
  clients: { "client-001": process.env.CLIENT_SECRET ?? "" },
  kv: () => sqliteKv({ path: process.env.KV_FILE ?? "kv.sqlite" }),
  tools: { greet },
});
const serving = await serve({ handle, port: Number(process.env.PORT ?? 8787) });
console.log(`Listening on http://127.0.0.1:${serving.port}/`);

process.once("SIGTERM", async () => {
  await serving.stop();
  await stop();
});
