/**
 * Serves what the conformance suite calls, on PORT: to everybody on this
 * machine, or with SUITE_SECRET to the client "suite" that signs with it.
 */
import { createServer } from "../../mod.ts";
import { asking, immediate, jobs } from "./tools.ts";

const secret = () => crypto.getRandomValues(new Uint8Array(32));

const suiteSecret = Deno.env.get("SUITE_SECRET");
const server = createServer({
  serverId: "conformance",
  serverSecret: secret(),
  clients: { suite: suiteSecret ?? secret() },
  kv: () => Deno.openKv(":memory:"),
  tools: { ...immediate, ...asking, ...jobs },
  mcp: {
    version: "1.0.0",
    ...suiteSecret === undefined && { authenticate: "none" },
  },
});

Deno.serve({
  port: Number(Deno.env.get("PORT") ?? 8787),
  hostname: "127.0.0.1",
  onListen: ({ port }) => console.log(`Listening on http://127.0.0.1:${port}/`),
  handler: (request, info) => server.handle(request, info),
});
setInterval(() => server.work(), 250);
