/** Who waits for a key is told of its change, wherever that was made. */
import { assertEquals } from "@std/assert";
import postgres from "postgres";
import { postgresKv } from "@countersign/mcp/postgres";
import {
  newTable,
  POSTGRES,
  sharedPostgres,
  startPostgres,
} from "../support/postgres.ts";
import { until } from "../support/until.ts";

const url = await sharedPostgres();
const ignore = POSTGRES === undefined;
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test({
  name: "a change is told in this process and in others, and no other key's is",
  ignore,
  async fn() {
    const table = newTable();
    const [here, there] = [1, 2].map(() => postgresKv({ url, table }));
    const sql = postgres(url ?? "");
    await here.atomic().set(["a"], bytes("0")).commit();
    const watches = [here, there].map((kv) => kv.watch!([["a"]]).getReader());
    const told = [0, 0];
    const reading = watches.map(async (watch, i) => {
      for (;;) {
        const { done, value } = await watch.read();
        if (done) return;
        told[i]++;
        assertEquals(value?.[0].key, ["a"]);
      }
    });
    await until(
      "both listen",
      async () =>
        (await sql`select 1 from pg_stat_activity where query like 'listen%'`)
          .length === 2,
    );
    await here.atomic().set(["b"], bytes("1")).commit();
    await here.atomic().set(["a"], bytes("1"), { expireIn: 9999 }).commit();
    await new Promise((resolve) => setTimeout(resolve, 200));
    assertEquals(told, [0, 0]);
    await here.atomic().set(["a"], bytes("1")).commit();
    await until("both are told", () => told.every((count) => count === 1));
    await there.atomic().delete(["a"]).commit();
    await until("both are told again", () => told.every((it) => it === 2));
    await Promise.all(watches.map((watch) => watch.cancel()));
    await Promise.all(reading);
    await Promise.all([here.close(), there.close(), sql.end()]);
  },
});

Deno.test({
  name: "after the database was killed, whoever waits is told again",
  ignore,
  async fn() {
    await using server = await startPostgres();
    const [here, there] = [1, 2].map(() => postgresKv({ url: server.url }));
    const watch = here.watch!([["a"]]).getReader();
    let told = false;
    const reading = watch.read().then(({ done }) => told = !done);
    await there.get(["a"]);
    await server.kill();
    await server.start();
    const sql = postgres(server.url);
    await until(
      "it listens again",
      async () =>
        (await sql`select 1 from pg_stat_activity where query like 'listen%'`)
          .length === 1,
    );
    await there.atomic().set(["a"], bytes("1")).commit();
    await until("it is told", () => told);
    await watch.cancel();
    await reading;
    await Promise.all([here.close(), there.close(), sql.end()]);
  },
});

Deno.test("only Deno's own store is watched, or one that says that it may be", async () => {
  const { waitForChange } = await import("../../src/kv/change.ts");
  using kv = await Deno.openKv(":memory:");
  for (const watchIsSafe of [undefined, false, true]) {
    let watched = 0;
    const store = {
      watchIsSafe,
      get: (key: Deno.KvKey) => kv.get(key),
      getMany: () => Promise.resolve([]),
      list: (selector: Deno.KvListSelector) => kv.list(selector),
      atomic: () => kv.atomic(),
      watch() {
        watched++;
        return new ReadableStream();
      },
    };
    await waitForChange(store as never, ["a"], null, 20);
    assertEquals(watched, watchIsSafe ? 1 : 0);
  }
});
