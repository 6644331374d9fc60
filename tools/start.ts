/**
 * Serves the sample tools: `deno task start`.
 *
 * `PORT` (default 8787; 0 for a free one) says where, `HOST` (default 127.0.0.1)
 * for whom. Without secrets in the environment it makes some for this run, and
 * prints the client's.
 */
import { handle, stop, work } from "../mod.ts";

if (!Deno.env.get("COUNTERSIGN_SERVER_SECRET")) makeSecrets();

const server = Deno.serve({
  port: Number(Deno.env.get("PORT") ?? 8787),
  hostname: Deno.env.get("HOST") ?? "127.0.0.1",
  onListen: ({ hostname, port }) =>
    console.log(`Listening on http://${hostname}:${port}/`),
}, handle);

// Opens the store before a first request does: from then on the server finds by
// itself what is due, what an earlier run left included.
work().catch((error) => console.error(error));

let stopping = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, async () => {
    if (stopping) return;
    stopping = true;
    // Deploy allows five seconds between SIGINT and SIGKILL.
    const grace = setTimeout(() => Deno.exit(1), 4000);
    await Promise.allSettled([server.shutdown(), stop({ graceMs: 3000 })]);
    clearTimeout(grace);
    Deno.exit(0);
  });
}

function makeSecrets(): void {
  const client = crypto.randomUUID() + crypto.randomUUID();
  const defaults = {
    COUNTERSIGN_SERVER_ID: "mcp-server-001",
    COUNTERSIGN_SERVER_SECRET: crypto.randomUUID() + crypto.randomUUID(),
    COUNTERSIGN_CLIENTS: JSON.stringify({ "client-001": client }),
  };
  for (const [name, value] of Object.entries(defaults)) {
    if (!Deno.env.get(name)) Deno.env.set(name, value);
  }
  console.log(`COUNTERSIGN_SERVER_ID=${Deno.env.get("COUNTERSIGN_SERVER_ID")}`);
  console.log(`COUNTERSIGN_CLIENTS='${Deno.env.get("COUNTERSIGN_CLIENTS")}'`);
  console.log(
    "These secrets last as long as this run: set your own to keep them",
  );
}
