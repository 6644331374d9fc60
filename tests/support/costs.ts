/** What each kind of call costs in KV operations; for tests and for the bench. */
import { createClient, createServer, defineTool, type } from "../../mod.ts";
import type { KvLike } from "../../src/kv/kv.ts";
import { countingKv, type Counts } from "./counting_kv.ts";
import { CLIENT_ID, SECRET, SERVER_ID, SERVER_SECRET } from "./envelopes.ts";

const HOUR = 3_600_000;

const tools = {
  add: defineTool({
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
  waits: defineTool({
    description: "A job that waits its turn",
    input: type({}),
    job: true,
    run: () => "done",
  }),
  asleep: defineTool({
    description: "A job that sleeps",
    input: type({}),
    job: true,
    run: (_args, { sleep }) => sleep(HOUR),
  }),
};

/** What each kind of call costs on this store. */
export async function costs(store: KvLike): Promise<Record<string, Counts>> {
  const kv = countingKv(store);
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const server = createServer({
    serverId: SERVER_ID,
    serverSecret: SERVER_SECRET,
    clients: { [CLIENT_ID]: SECRET },
    tools,
    kv,
    now,
    jobs: { drive: false },
  });
  await server.work(); // finds out when there will be something to remove
  const options = {
    fetch: server.handle,
    clientId: CLIENT_ID,
    secret: SECRET,
    serverId: SERVER_ID,
    now,
  };
  const client = createClient<typeof tools>(options);
  const listJobs = (limit: number) =>
    createClient(options).call("list_jobs", { limit });
  const found: Record<string, Counts> = {};
  async function count(name: string, run: () => Promise<unknown>) {
    kv.reset();
    await run();
    found[name] = { ...kv.counts };
  }
  await count("read", () => client.identity());
  await count("call", () => client.call("add", { numbers: [1, 2] }));
  await count("short job", () => client.start("at_once"));
  await count("job of five steps", () => client.start("five_steps"));
  const sleeper = await client.start("asleep");
  while ((await listJobs(1)).jobs.length === 0);
  await new Promise((resolve) => setTimeout(resolve, 30));
  await count("poll", () => sleeper.poll());
  await count("work with nothing due", () => server.work());
  await count("list of ten", () => listJobs(10));
  ahead = HOUR + 1;
  await count("claim and settle", () => server.work({ limit: 1 }));
  await server.stop();
  return found;
}
