/** What was set to expire is gone when it has, and is swept away. */
import { assert, assertEquals } from "@std/assert";
import postgres from "postgres";
import { postgresKv } from "@countersign/mcp/postgres";
import { newTable, sharedPostgres } from "../support/postgres.ts";

const url = await sharedPostgres();
const ignore = url === undefined;
const bytes = new Uint8Array(1);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test({
  name: "what has expired is not there to anyone, and is then swept",
  ignore,
  async fn() {
    const table = newTable();
    const kv = postgresKv({ url, table });
    const sql = postgres(url ?? "");
    const set = (key: string, expireIn?: number) =>
      kv.atomic().check({ key: [key], versionstamp: null })
        .set([key], bytes, { expireIn }).commit();
    const stored = async () => (await sql`select k from ${sql(table)}`).length;
    await set("lasts");
    await set("lasts longer", 60_000);
    for (let i = 0; i < 3; i++) await set(`goes ${i}`, 50);
    await pause(100);
    assertEquals(await stored(), 5);
    assertEquals((await kv.get(["goes 0"])).versionstamp, null);
    assertEquals((await kv.getMany([["goes 1"]]))[0].value, null);
    const keys = await Array.fromAsync(kv.list({ start: ["a"], end: ["z"] }));
    assertEquals(keys.map(({ key }) => key[0]), ["lasts", "lasts longer"]);
    assert((await set("goes 2")).ok, "an expired key is in the way");
    assertEquals(await kv.sweep(), 2);
    assertEquals(await stored(), 3);
    assertEquals(await kv.sweep(), 0);
    await Promise.all([kv.close(), sql.end()]);
  },
});

Deno.test({
  name: "commits sweep, once a minute",
  ignore,
  async fn() {
    for (const keepConnections of [true, false]) {
      const options = { url, table: newTable() };
      const kv = postgresKv({ ...options, keepConnections });
      await kv.atomic().set(["goes"], bytes, { expireIn: 1 }).commit();
      await pause(50);
      await kv.close();
      const next = postgresKv({ ...options, keepConnections: false });
      await next.atomic().set(["stays"], bytes).commit();
      await next.close();
      const sql = postgres(url ?? "");
      const rows = await sql`select k from ${sql(options.table)}`;
      assertEquals(rows.length, 1);
      await sql.end();
    }
  },
});
