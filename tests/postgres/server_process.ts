/** A server on PostgreSQL, the same file on Node and on Deno; see the tests. */
import process from "node:process";
import { createServer, defineTool, type } from "../../mod.ts";
import { serve } from "../../src/node/mod.ts";
import { postgresKv } from "../../src/postgres/mod.ts";
import { PARTIES } from "../support/parties.ts";

const place = `${"Deno" in globalThis ? "Deno" : "Node"} ${process.pid}`;

export const tools = {
  travels: defineTool({
    description: "Tells in which process each of its steps was done",
    input: type({ number: "number", steps: "number.integer", ms: "number" }),
    output: type({ total: "number", places: "string[]" }),
    job: { attempts: 50, backoffMs: 50 },
    run: async ({ number, steps, ms }, { step }) => {
      const places: string[] = [];
      for (let i = 1; i <= steps; i++) {
        places.push(
          await step(`step ${i}`, async () => {
            await new Promise((resolve) => setTimeout(resolve, ms));
            return place;
          }),
        );
      }
      return { total: number * steps, places };
    },
  }),
  echo: defineTool({
    description: "Gives back what it got",
    input: type({ text: "string" }),
    run: ({ text }) => text,
  }),
};

/** Serves until SIGTERM. */
export async function start(): Promise<void> {
  const kv = postgresKv({ url: process.env.DATABASE_URL });
  const { handle, work, stop } = createServer({
    ...PARTIES,
    tools,
    kv,
    jobs: { leaseMs: 1000, maxUnfinished: 1000 },
    log: () => {},
  });
  const driver = setInterval(() => void work().catch(() => {}), 200);
  const serving = await serve({ handle, port: 0, hostname: "127.0.0.1" });
  console.log(`Listening on http://127.0.0.1:${serving.port}/`);
  process.once("SIGTERM", async () => {
    clearInterval(driver);
    await Promise.all([serving.stop(), stop()]);
    await kv.close();
  });
}
