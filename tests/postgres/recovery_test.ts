/** A database that is killed under load, and recovers: nothing accepted is lost. */
import { assert, assertEquals } from "@std/assert";
import { createServer, defineTool, type } from "@countersign/mcp";
import { postgresKv } from "@countersign/mcp/postgres";
import { clientOf } from "../support/clients.ts";
import { PARTIES } from "../support/parties.ts";
import { POSTGRES, startPostgres } from "../support/postgres.ts";
import { until } from "../support/until.ts";

const ignore = POSTGRES === undefined;

Deno.test({
  name:
    "what a killed database had said to have committed is there again, once",
  ignore,
  async fn() {
    await using server = await startPostgres();
    const kv = postgresKv({ url: server.url });
    const value = new Uint8Array(200);
    const told = new Map<string, string>();
    const doubtful = new Set<string>();
    let over = false;
    let errors = 0;
    const lanes = Array.from({ length: 16 }, async () => {
      while (!over) {
        const id = crypto.randomUUID();
        const commit = () =>
          kv.atomic().check({ key: ["one", id], versionstamp: null })
            .set(["one", id], value).set(["two", id], value).commit();
        try {
          const result = await commit();
          assert(result.ok);
          told.set(id, result.versionstamp);
        } catch (error) {
          errors++;
          assert((error as { transient?: boolean }).transient, String(error));
          if ((error as { ambiguous?: boolean }).ambiguous) doubtful.add(id);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
    });
    for (const least of [200, 400]) {
      await until("load", () => told.size > least);
      await server.kill();
      await server.start();
    }
    const before = told.size;
    await until("more after the recovery", () => told.size > before + 100);
    over = true;
    await Promise.all(lanes);
    assert(errors > 0, "nobody noticed");
    const found = new Map<string, string | null>();
    for await (const { key, versionstamp } of kv.list({ prefix: ["one"] })) {
      found.set(String(key[1]), versionstamp);
    }
    for (const [id, versionstamp] of told) {
      assertEquals(found.get(id), versionstamp, "accepted, and lost");
      found.delete(id);
    }
    for (const [id, versionstamp] of found) {
      assert(doubtful.has(id), "there, though it was refused for certain");
      // A commit is there as a whole, in doubt or not.
      const other = await kv.get(["two", id]);
      assertEquals(other.versionstamp, versionstamp);
    }
    await kv.close();
  },
});

Deno.test({
  name:
    "a server whose database is killed twice finishes every job that it accepted",
  ignore,
  async fn() {
    await using server = await startPostgres();
    const kv = postgresKv({ url: server.url });
    const tools = {
      adds_up: defineTool({
        description: "Adds up in steps",
        input: type({ n: "number" }),
        job: { attempts: 50, backoffMs: 20 },
        run: async ({ n }, { step }) => {
          let sum = 0;
          for (let i = 1; i <= 5; i++) {
            sum += await step(`step ${i}`, () => n * i);
          }
          return sum;
        },
      }),
    };
    const { handle, work, stop } = createServer({
      ...PARTIES,
      tools,
      kv,
      jobs: { leaseMs: 1000 },
      log: () => {},
    });
    const client = clientOf<typeof tools>(handle, { retries: 40 });
    const driver = setInterval(() => void work().catch(() => {}), 200);
    let done = 0;
    const lanes = Array.from({ length: 8 }, async (_, lane) => {
      for (let i = 0; i < 10; i++) {
        const n = lane * 100 + i;
        const job = await client.start("adds_up", { n });
        assertEquals(await job.result(), n * 15);
        done++;
      }
    });
    for (const least of [10, 30]) {
      await until("jobs", () => done >= least, 60_000);
      await server.kill();
      await server.start();
    }
    await Promise.all(lanes);
    assertEquals(done, 80);
    clearInterval(driver);
    await stop();
    await kv.close();
  },
});
