/** Serves tools in a process of its own, on the KV that its environment names. */
import { createServer, type JobSettings, type Tools } from "../../mod.ts";
import { PARTIES } from "./parties.ts";

/** Serves on PORT until SIGTERM, and attends to what is due. */
export function serve(tools: Tools, jobs: JobSettings): void {
  const { handle, stop, work } = createServer({
    ...PARTIES,
    tools,
    kv: () => Deno.openKv(Deno.env.get("COUNTERSIGN_KV_URL")),
    jobs,
    log: () => {},
  });
  const server = Deno.serve({
    port: Number(Deno.env.get("PORT") ?? 0),
    hostname: "127.0.0.1",
    onListen: ({ hostname, port }) =>
      console.log(`Listening on http://${hostname}:${port}/`),
  }, handle);
  const driver = setInterval(() => work().catch(() => {}), 150);
  Deno.addSignalListener("SIGTERM", async () => {
    clearInterval(driver);
    await Promise.all([server.shutdown(), stop()]);
    Deno.exit(0);
  });
}
