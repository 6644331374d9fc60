/** Commits that meet: what comes out is as if they had come one after the other. */
import { assert, assertEquals } from "@std/assert";
import { type PostgresKv, postgresKv } from "@countersign/mcp/postgres";
import { accept } from "../../src/job/job.ts";
import { platformTiming } from "../../src/timing.ts";
import { kvJobStore } from "../../src/job/kv_store.ts";
import { newTable, sharedPostgres } from "../support/postgres.ts";

const url = await sharedPostgres();
const ignore = url === undefined;
const bytes = (text: string) => new TextEncoder().encode(text);

/** Two stores on one table, as two processes have them. */
async function withTwo(
  use: (one: PostgresKv, two: PostgresKv) => Promise<void>,
): Promise<void> {
  const table = newTable();
  const [one, two] = [1, 2].map(() => postgresKv({ url, table }));
  try {
    await use(one, two);
  } finally {
    await Promise.all([one.close(), two.close()]);
  }
}

Deno.test({
  name: "many that need the table first make it once",
  ignore,
  async fn() {
    const table = newTable();
    const stores = Array.from({ length: 8 }, () => postgresKv({ url, table }));
    const results = await Promise.all(
      stores.map((kv) =>
        kv.atomic().check({ key: ["first"], versionstamp: null })
          .set(["first"], bytes("")).commit()
      ),
    );
    assertEquals(results.filter(({ ok }) => ok).length, 1);
    await Promise.all(stores.map((kv) => kv.close()));
  },
});

Deno.test({
  name: "of 200 that start one job over two processes' connections one adds it",
  ignore,
  fn: () =>
    withTwo(async (one, two) => {
      const stores = [one, two].map((kv) =>
        kvJobStore(kv, {
          prefix: ["test"],
          maxValueBytes: 1000,
          timing: platformTiming,
        })
      );
      const request = {
        id: "one",
        tool: "tool",
        clientId: "client",
        requestId: "one",
      };
      const accepted = accept(request, Date.now(), undefined, 1000);
      const job = { ...accepted, args: {} };
      const kinds = await Promise.all(
        Array.from({ length: 200 }, async (_, i) => {
          const value = crypto.randomUUID();
          const expiresAt = Date.now() + 60_000;
          const nonce = { clientId: "client", value, expiresAt };
          return (await stores[i % 2].accept(job, nonce, 100)).kind;
        }),
      );
      assertEquals(kinds.filter((kind) => kind === "accepted").length, 1);
      assertEquals(kinds.filter((kind) => kind === "known").length, 199);
      assertEquals((await stores[0].due(Date.now() + 1e6, 10)).length, 1);
    }),
});

Deno.test({
  name: "of many that spend one nonce over two processes' connections one does",
  ignore,
  fn: () =>
    withTwo(async (one, two) => {
      const results = await Promise.all(
        Array.from({ length: 64 }, (_, i) =>
          [one, two][i % 2].atomic()
            .check({ key: ["nonce"], versionstamp: null })
            .set(["nonce"], bytes(String(i)), { expireIn: 60_000 })
            .commit()),
      );
      assertEquals(results.filter(({ ok }) => ok).length, 1);
    }),
});

Deno.test({
  name: "what many add to one key, each after reading it, adds up",
  ignore,
  fn: () =>
    withTwo(async (one, two) => {
      const add = async (kv: PostgresKv) => {
        for (;;) {
          const { value, versionstamp } = await kv.get(["sum"]);
          const sum = Number(new TextDecoder().decode(value as Uint8Array)) + 1;
          const { ok } = await kv.atomic()
            .check({ key: ["sum"], versionstamp })
            .set(["sum"], bytes(String(sum))).commit();
          if (ok) return;
        }
      };
      await one.atomic().set(["sum"], bytes("0")).commit();
      await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          for (let n = 0; n < 10; n++) await add([one, two][i % 2]);
        }),
      );
      assertEquals((await one.get(["sum"])).value, bytes("80"));
    }),
});

for (const others of [0, 40]) {
  Deno.test({
    name:
      `of two that each write what the other checked absent one wins, with ${others} keys beside`,
    ignore,
    fn: () =>
      withTwo(async (one, two) => {
        let won = 0;
        for (let round = 0; round < 50; round++) {
          const [a, b] = [[round, "a"], [round, "b"]];
          const first = one.atomic().check({ key: a, versionstamp: null })
            .set(b, bytes("1"));
          // Many keys lock the whole table, few lock each: they meet all the same.
          for (let i = 0; i < others; i++) first.set([round, i], bytes(""));
          const second = two.atomic().check({ key: b, versionstamp: null })
            .set(a, bytes("2"));
          const results = await Promise.all([first.commit(), second.commit()]);
          assert(
            results.some(({ ok }) => ok) && !results.every(({ ok }) => ok),
            `round ${round}`,
          );
          if (results[0].ok) won++;
        }
        assert(won > 0, "nobody raced");
      }),
  });
}

Deno.test({
  name: "commits that name the same keys in any order all end",
  ignore,
  fn: () =>
    withTwo(async (one, two) => {
      const keys = Array.from({ length: 20 }, (_, i) => ["k", i]);
      const results = await Promise.all(
        Array.from({ length: 100 }, (_, i) => {
          const atomic = [one, two][i % 2].atomic();
          const order = i % 3 === 0 ? keys : keys.toReversed();
          for (const key of order) atomic.set(key, bytes(String(i)));
          return atomic.commit();
        }),
      );
      assert(results.every(({ ok }) => ok));
      const versions = new Set<string | null>();
      for await (const { versionstamp } of one.list({ prefix: ["k"] })) {
        versions.add(versionstamp);
      }
      assertEquals(versions.size, 1);
    }),
});
