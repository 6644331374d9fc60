/** What a caller is told when PostgreSQL does not answer, or refuses. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import postgres from "postgres";
import {
  type PostgresKv,
  postgresKv,
  PostgresKvError,
  type PostgresKvOptions,
  postgresSchema,
} from "@countersign/mcp/postgres";
import { newTable, sharedPostgres } from "../support/postgres.ts";
import { until } from "../support/until.ts";

const database = await sharedPostgres();
const ignore = database === undefined;
const bytes = (text: string) => new TextEncoder().encode(text);
const set = (kv: PostgresKv, key: string) =>
  kv.atomic().set([key], bytes("")).commit();

/** A store, and a connection of the test's own that can be in its way. */
async function withStore(
  options: Omit<PostgresKvOptions, "url">,
  use: (
    store: { kv: PostgresKv; url: string; table: string; sql: postgres.Sql },
  ) => Promise<void>,
): Promise<void> {
  const [url, table] = [database ?? "", newTable()];
  const kv = postgresKv({ url, table, ...options });
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await set(kv, "there");
    await use({ kv, url, table, sql });
  } finally {
    await Promise.all([kv.close(), sql.end()]);
  }
}

/** Begins a transaction that no commit gets past, until it is let go. */
async function block(
  { sql, table }: { sql: postgres.Sql; table: string },
): Promise<() => Promise<void>> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const over = sql.begin(async (sql) => {
    await sql.unsafe(
      "select pg_advisory_xact_lock(hashtextextended($1, 1))",
      [table],
    );
    begun.resolve();
    await promise;
  });
  await begun.promise;
  return async () => {
    resolve();
    await over;
  };
}

async function errorOf(promise: Promise<unknown>) {
  const error = await assertRejects(() => promise, PostgresKvError);
  const { code, transient, ambiguous, message } = error;
  return { code, transient, ambiguous, message };
}

Deno.test("where nobody listens there is no connection, and nothing in doubt", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `postgres://test:hunter2@127.0.0.1:${listener.addr.port}/none`;
  listener.close();
  const kv = postgresKv({ url });
  const error = await errorOf(set(kv, "a"));
  assertEquals(error, {
    code: "ECONNREFUSED",
    transient: true,
    ambiguous: false,
    message:
      "Cannot commit to PostgreSQL: there is no connection (ECONNREFUSED)",
  });
  await kv.close();
});

Deno.test("a server that never says a word is given up in time", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const kv = postgresKv({
    url: `postgres://test@127.0.0.1:${listener.addr.port}/none`,
    timeoutMs: 200,
  });
  const began = performance.now();
  const error = await errorOf(kv.get(["a"]));
  assert(performance.now() - began < 5000);
  assert(error.transient);
  (await accepted).close();
  await kv.close();
});

Deno.test({
  name: "a database that is not there is told at once, and is no passing fault",
  ignore,
  fn: () =>
    withStore({}, async ({ url }) => {
      const kv = postgresKv({ url: url.replace(/postgres$/, "nowhere") });
      const error = await errorOf(set(kv, "a"));
      assertEquals([error.code, error.transient], ["3D000", false]);
      await kv.close();
    }),
});

Deno.test({
  name: "a commit whose connection is cut is in doubt, a read is not",
  ignore,
  fn: () =>
    withStore({ listen: false }, async ({ kv, url, ...way }) => {
      const release = await block(way);
      const cut = errorOf(set(kv, "cut"));
      const other = postgres(url, { max: 1 });
      await until("the commit's wait", async () => {
        const ended = await other`select pg_terminate_backend(pid)
          from pg_stat_activity where wait_event_type = 'Lock'`;
        return ended.length > 0;
      });
      const error = await cut;
      assertEquals([error.transient, error.ambiguous], [true, true]);
      assert(
        error.message.startsWith(
          "Cannot commit to PostgreSQL: the connection was lost (",
        ),
        error.message,
      );
      await release();
      assertEquals((await kv.get(["cut"])).versionstamp, null);
      assert((await set(kv, "cut")).ok);
      await other.end();
    }),
});

Deno.test({
  name: "a commit that takes too long is in doubt, and the next one goes well",
  ignore,
  fn: () =>
    withStore({ timeoutMs: 300 }, async ({ kv, ...way }) => {
      const release = await block(way);
      const error = await errorOf(set(kv, "late"));
      assertEquals(error, {
        code: "TIMEOUT",
        transient: true,
        ambiguous: true,
        message: "Cannot commit to PostgreSQL: it gave no answer within 300 ms",
      });
      await release();
      assert((await set(kv, "next")).ok);
    }),
});

Deno.test({
  name:
    "a wait for other commits ends after five seconds, and nothing is in doubt",
  ignore,
  fn: () =>
    withStore({}, async ({ kv, ...way }) => {
      const release = await block(way);
      const { code, transient, ambiguous } = await errorOf(set(kv, "a"));
      assertEquals([code, transient, ambiguous], ["55P03", true, false]);
      await release();
      assertEquals((await kv.get(["a"])).versionstamp, null);
    }),
});

Deno.test({
  name:
    "who may make no table is told what its owner must run, and then does with that",
  ignore,
  fn: () =>
    withStore({}, async ({ url, sql }) => {
      await sql.unsafe("create role guest login");
      const guest = url.replace("test@", "guest@");
      const table = newTable();
      const kv = postgresKv({ url: guest, table });
      const error = await errorOf(set(kv, "a"));
      assertEquals([error.code, error.transient], ["42501", false]);
      assert(error.message.includes("postgresSchema()"), error.message);
      const grants = postgresSchema(table).replaceAll("-- grant", "grant")
        .replaceAll("the_server", "guest");
      await sql.unsafe(grants);
      await sql.unsafe(grants); // it may be run again
      assert((await set(kv, "a")).ok);
      await kv.close();
    }),
});

Deno.test({
  name: "another isolation than read committed is refused, not relied upon",
  ignore,
  fn: () =>
    withStore({}, async ({ url }) => {
      const sql = postgres(url, {
        connection: { default_transaction_isolation: "repeatable read" },
      });
      const kv = postgresKv({ sql });
      const { code, transient, message } = await errorOf(set(kv, "a"));
      assertEquals([code, transient], ["25001", false]);
      assert(message.includes("read committed"), message);
      await sql.end();
    }),
});

Deno.test({
  name: "a store that was closed refuses, and says so",
  ignore,
  fn: () =>
    withStore({}, async ({ url }) => {
      const kv = postgresKv({ url });
      await kv.close();
      const error = await assertRejects(() => kv.get(["a"]), Error, "closed");
      assertEquals(error.name, "BadResource");
    }),
});

Deno.test("a url, a client or a table that cannot be used is refused at once", async () => {
  const url = "postgres://test:hunter2@127.0.0.1/";
  for (
    const options of [
      {},
      { url, sql: postgres(url) },
      { url: "http://test:hunter2@127.0.0.1/" },
      { url: "hunter2" },
      { url, table: 'x"; drop table users' },
      { url, timeoutMs: 0 },
    ]
  ) {
    const error = await assertRejects(
      // deno-lint-ignore require-await -- what it throws is looked at
      async () => postgresKv(options as PostgresKvOptions),
      Error,
    );
    assert(!error.message.includes("hunter2"), error.message);
  }
});
