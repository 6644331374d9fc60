/**
 * Jobs from start to end on a KV file, beside their floor: the same number of
 * KV commits and nothing else.
 */
import { createClient, createServer, defineTool, type } from "../mod.ts";

const tools = {
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

const folder = await Deno.makeTempDir();
const kv = await Deno.openKv(`${folder}/kv.db`);
addEventListener("unload", () => {
  kv.close();
  Deno.removeSync(folder, { recursive: true });
});
const secret = crypto.randomUUID() + crypto.randomUUID();
const { handle } = createServer({
  serverId: "bench",
  serverSecret: crypto.randomUUID() + crypto.randomUUID(),
  clients: { bench: secret },
  kv,
  tools,
});
const client = createClient<typeof tools>({
  fetch: handle,
  clientId: "bench",
  secret,
  serverId: "bench",
});
const value = new TextEncoder().encode("x".repeat(400));

async function commits(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const key = ["floor", crypto.randomUUID()];
    await kv.atomic().check({ key, versionstamp: null }).set(key, value)
      .commit();
  }
}

for (
  const [group, tool, count] of [
    ["short job", "at_once", 2],
    ["job of five steps", "five_steps", 7],
  ] as const
) {
  Deno.bench(
    `${group}: floor, ${count} commits`,
    { group, baseline: true, n: 300, warmup: 20 },
    async () => {
      await commits(count);
    },
  );
  Deno.bench(
    `${group}: Countersign, signed, start to end`,
    { group, n: 300, warmup: 20 },
    async () => {
      const job = await client.start(tool);
      if (await job.result() !== "done") throw new Error("not done");
    },
  );
}
