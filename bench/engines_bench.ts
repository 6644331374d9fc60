/**
 * The same calls and jobs on every engine that is to be had here: a KV in
 * memory, a file of Deno KV, a file of SQLite, denokv, PostgreSQL.
 */
import { createClient, createServer, defineTool, type } from "../mod.ts";
import { connectKv } from "../src/kv_connect/mod.ts";
import type { KvLike } from "../src/kv/kv.ts";
import { sqliteKv } from "../src/node/mod.ts";
import { postgresKv } from "../src/postgres/mod.ts";
import { DENOKV, startDenokv } from "../tests/kv_connect/denokv.ts";
import { sharedPostgres } from "../tests/support/postgres.ts";

const folder = await Deno.makeTempDir();
const engines: Record<string, KvLike> = {
  "Deno KV in memory": await Deno.openKv(":memory:"),
  "Deno KV, a file": await Deno.openKv(`${folder}/kv.db`),
  "SQLite, a file": await sqliteKv({ path: `${folder}/kv.sqlite` }),
};
if (DENOKV !== undefined) {
  const denokv = await startDenokv("token");
  addEventListener("unload", () => void denokv[Symbol.asyncDispose]());
  engines.denokv = connectKv({ url: denokv.url, token: "token" });
}
const url = await sharedPostgres();
if (url !== undefined) engines.PostgreSQL = postgresKv({ url });
addEventListener("unload", () => {
  for (const kv of Object.values(engines)) kv.close?.();
  Deno.removeSync(folder, { recursive: true });
});

const tools = {
  add: defineTool({
    description: "Adds up",
    input: type({ numbers: "number[]" }),
    run: ({ numbers }) => numbers.reduce((a, b) => a + b, 0),
  }),
  at_once: defineTool({
    description: "A job that is done at once",
    input: type({}),
    job: { waitMs: 10_000 },
    run: () => "done",
  }),
  five_steps: defineTool({
    description: "A job of five steps",
    input: type({}),
    job: { waitMs: 10_000 },
    run: async (_args, { step }) => {
      for (let i = 0; i < 5; i++) await step(`step ${i}`, () => i);
      return "done";
    },
  }),
};
const secret = crypto.randomUUID() + crypto.randomUUID();

for (const [engine, kv] of Object.entries(engines)) {
  const { handle } = createServer({
    serverId: "bench",
    serverSecret: crypto.randomUUID() + crypto.randomUUID(),
    clients: { bench: secret },
    kv,
    tools,
    jobs: { maxUnfinished: 1000, drive: false },
    log: () => {},
  });
  const client = createClient<typeof tools>({
    fetch: handle,
    clientId: "bench",
    secret,
    serverId: "bench",
  });
  const call = () => client.call("add", { numbers: [1, 2] });
  const finish = async (tool: "at_once" | "five_steps") => {
    await (await client.start(tool)).result();
  };
  const { requestId } = await client.start("at_once");
  const cases: Record<string, () => Promise<unknown>> = {
    "a call": call,
    "sixteen calls at once": () =>
      Promise.all(Array.from({ length: 16 }, call)),
    "a short job": () => finish("at_once"),
    "a job of five steps": () => finish("five_steps"),
    "a poll": () => client.job("at_once", { requestId }).poll(),
  };
  for (const [group, run] of Object.entries(cases)) {
    Deno.bench(
      `${group}: ${engine}`,
      { group, n: 200, warmup: 20 },
      async () => {
        await run();
      },
    );
  }
}
