/** Serves what the conformance suite calls, to everybody on this machine, on PORT. */
import { createServer } from "../../mod.ts";
import { asking, immediate, jobs } from "./tools.ts";

const secret = () => crypto.getRandomValues(new Uint8Array(32));

const server = createServer({
  serverId: "conformance",
  serverSecret: secret(),
  clients: { nobody: secret() },
  kv: () => Deno.openKv(":memory:"),
  tools: { ...immediate, ...asking, ...jobs },
  mcp: { authenticate: "none", version: "1.0.0" },
});

Deno.serve({
  port: Number(Deno.env.get("PORT") ?? 8787),
  hostname: "127.0.0.1",
  onListen: ({ port }) => console.log(`Listening on http://127.0.0.1:${port}/`),
  handler: (request, info) => server.handle(request, info),
});
setInterval(() => server.work(), 250);
