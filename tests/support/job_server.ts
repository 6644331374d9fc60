/** A server process whose jobs can be watched from outside; see `tests/`. */
import { createServer, defineTool, type } from "../../mod.ts";
import { CLIENT_ID, SECRET, SERVER_ID, SERVER_SECRET } from "./envelopes.ts";

const marks = Deno.env.get("MARKS") ?? "";

/** Says to whoever tests that a piece of work was done here. */
function mark(line: string): void {
  Deno.writeTextFileSync(marks, `${line}\n`, { append: true });
}

export const tools = {
  five_steps: defineTool({
    description: "Does five things, each marked, each kept",
    input: type({ number: "number", "pause_ms?": "number" }),
    output: type({ total: "number" }),
    job: { attempts: 50, backoffMs: 50 },
    run: async ({ number, pause_ms = 0 }, { step }) => {
      let total = 0;
      for (let i = 1; i <= 5; i++) {
        total += await step(`step ${i}`, async () => {
          mark(`${number} ${i}`);
          await new Promise((done) => setTimeout(done, pause_ms));
          return number * i;
        });
        mark(`${number} ${i} kept`);
      }
      return { total };
    },
  }),
  deadly: defineTool({
    description: "Kills its process, every time",
    input: type({}),
    job: { attempts: 3, backoffMs: 50 },
    run: (): string => {
      mark("deadly");
      Deno.kill(Deno.pid, "SIGKILL");
      return "";
    },
  }),
};

if (import.meta.main) {
  const { handle, stop, work } = createServer({
    serverId: SERVER_ID,
    serverSecret: SERVER_SECRET,
    clients: { [CLIENT_ID]: SECRET },
    tools,
    kv: () => Deno.openKv(Deno.env.get("COUNTERSIGN_KV_URL")),
    jobs: {
      leaseMs: Number(Deno.env.get("LEASE_MS") ?? 600),
      maxUnfinished: 1000,
    },
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
