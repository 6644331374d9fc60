/** A server process that tells how much memory it takes: `GET /memory`. */
import { batch_sum, createServer } from "../../mod.ts";
import { PARTIES } from "./parties.ts";

const { handle } = createServer({
  ...PARTIES,
  tools: { batch_sum },
  nonces: { store: "memory" },
  readTimeoutMs: Number(Deno.env.get("READ_TIMEOUT_MS") ?? 30_000),
  mcp: { authenticate: "none" },
});

Deno.serve(
  {
    port: 0,
    hostname: "127.0.0.1",
    onListen: ({ hostname, port }) =>
      console.log(`Listening on http://${hostname}:${port}/`),
  },
  (request) =>
    new URL(request.url).pathname === "/memory"
      ? Response.json(Deno.memoryUsage())
      : handle(request),
);
