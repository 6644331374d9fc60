/** What each kind of call costs in KV operations; for tests and for the bench. */
import { createServer, defineTool, type KvLike, type } from "../../mod.ts";
import { clientOf } from "./clients.ts";
import { runningClock } from "../../src/testing/clock.ts";
import {
  countingKv,
  type OperationCounts,
} from "../../src/testing/counting_kv.ts";
import { request, signed } from "./envelopes.ts";
import { PARTIES } from "./parties.ts";
import { asleep } from "./servers.ts";

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
  asleep: defineTool({
    description: "A job that sleeps",
    input: type({}),
    job: true,
    run: (_args, { sleep }) => sleep(HOUR),
  }),
};

/** What each kind of call costs on this store. */
export async function costs(
  store: KvLike,
): Promise<Record<string, OperationCounts>> {
  const kv = countingKv(store);
  const { now, forward } = runningClock();
  const jobs = { drive: false };
  const server = createServer({ ...PARTIES, tools, kv, now, jobs });
  const client = clientOf<typeof tools>(server.handle, { now });
  const listTen = () =>
    server.handle(request(signed({ tool: "list_jobs", args: { limit: 10 } })));
  const found: Record<string, OperationCounts> = {};
  await server.work(); // finds out when there will be something to remove
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
  await asleep(store, client, sleeper, now() + HOUR / 2);
  await count("poll", () => sleeper.poll());
  await count("work with nothing due", () => server.work());
  await count("list of ten", listTen);
  forward(HOUR + 1);
  // Another instance, as this one may not know yet that the sleeper has left it.
  const other = createServer({ ...PARTIES, tools, kv, now, jobs });
  await count("claim and settle", () => other.work({ limit: 1 }));
  await Promise.all([server.stop(), other.stop()]);
  return found;
}
