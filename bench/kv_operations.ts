/**
 * What calls cost in KV operations: a figure that no machine changes, and that
 * users pay for.
 */
import { createClient, createServer, defineTool, type } from "../mod.ts";
import { countingKv } from "../tests/support/counting_kv.ts";

const tools = {
  sum: defineTool({
    description: "Adds up",
    input: type({ numbers: "number[]" }),
    run: ({ numbers }) => numbers.reduce((a, b) => a + b, 0),
  }),
  at_once: defineTool({
    description: "A job that is done at once",
    input: type({}),
    job: { waitMs: 5000 },
    run: () => "done",
  }),
  five_steps: defineTool({
    description: "A job of five steps",
    input: type({}),
    job: { waitMs: 5000 },
    run: async (_args, { step }) => {
      for (let i = 0; i < 5; i++) await step(`step ${i}`, () => i);
      return "done";
    },
  }),
  asleep: defineTool({
    description: "A job that sleeps",
    input: type({}),
    job: true,
    run: (_args, { sleep }) => sleep(3_600_000),
  }),
};

const kv = countingKv(await Deno.openKv(":memory:"));
const secret = crypto.randomUUID() + crypto.randomUUID();
const server = createServer({
  serverId: "bench",
  serverSecret: crypto.randomUUID() + crypto.randomUUID(),
  clients: { bench: secret },
  kv,
  tools,
});
const client = createClient<typeof tools>({
  handle: server.handle,
  clientId: "bench",
  secret,
  serverId: "bench",
});
await client.call("server_identity");

const rows: Record<string, typeof kv.counts> = {};
async function count(name: string, run: () => Promise<unknown>) {
  kv.reset();
  await run();
  rows[name] = { ...kv.counts };
}

await count("a read (server_identity)", () => client.call("server_identity"));
await count("a call", () => client.call("sum", { numbers: [1, 2, 3] }));
await count("a short job, start to end", () => client.start("at_once"));
await count("a job of five steps", () => client.start("five_steps"));
const job = await client.start("asleep");
await job.poll({ waitMs: 50 });
await count("a poll", () => job.poll());
await count("work() with nothing due", () => server.work());
console.table(rows);
await server.stop();
kv.close?.();
