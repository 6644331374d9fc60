/**
 * A `KvLike` over PostgreSQL.
 *
 * @module
 */

import type { KvEntry, KvKey, KvLike, KvSelector } from "../kv/kv.ts";
import {
  type KvListing,
  type KvListOptions,
  list,
} from "../kv_connect/list.ts";
import { createChanges } from "./changes.ts";
import { checkUrl, createConnection, type SqlClient } from "./connection.ts";
import { readKeys, readRange } from "./reads.ts";
import { namesOf } from "./schema.ts";
import { createSweep } from "./sweep.ts";
import { createAtomic } from "./writes.ts";

/** Options for {@linkcode postgresKv}: either `url` or `sql`. */
export interface PostgresKvOptions {
  /** The database: `postgres://user:password@host:port/database?sslmode=verify-full`. */
  url?: string | URL;
  /** A client that the npm package `postgres` made; it stays its maker's to end. */
  sql?: SqlClient;
  /** The table's name, with or without its schema. Defaults to `countersign_kv`. */
  table?: string;
  /** Most connections to `url`. Defaults to 10. */
  max?: number;
  /** Milliseconds that a statement may take, its connection included. Defaults to 10,000. */
  timeoutMs?: number;
  /**
   * Whether connections to `url` outlive the statement that opened them.
   * Defaults to `true`, but on Workers: there a connection belongs to the
   * request that opened it.
   */
  keepConnections?: boolean;
  /**
   * Whether processes tell each other of changes, by `LISTEN` and `NOTIFY`.
   * Defaults to `true` where connections are kept; behind a pooler that gives
   * each transaction another connection it must be `false`.
   */
  listen?: boolean;
}

/** A store in PostgreSQL, as {@linkcode postgresKv} makes it. */
export interface PostgresKv extends KvLike {
  /** Lists a range of keys, a statement a batch. */
  list(selector: KvSelector, options?: KvListOptions): KvListing;
  /** Streams what stands at the keys, whenever one changes; not without `listen`. */
  watch?(keys: readonly KvKey[]): ReadableStream<KvEntry[]>;
  /** Deletes up to 1,000 keys that have expired; commits do so once a minute. */
  sweep(): Promise<number>;
  /** Ends the connections; whatever is asked after that is refused. */
  close(): Promise<void>;
}

/**
 * Keeps a KV in a table of PostgreSQL, 13 or later.
 *
 * Opens nothing until it is first used, and makes the table if it is not there:
 * see {@linkcode postgresSchema} for the SQL. A commit is one round trip, and
 * never tried again here: one that may have happened all the same throws a
 * {@linkcode PostgresKvError} that is `ambiguous`.
 *
 * @throws {TypeError} If an option is missing or malformed.
 *
 * @example A server
 * ```ts ignore
 * import { createServer } from "@countersign/mcp";
 * import { postgresKv } from "@countersign/mcp/postgres";
 *
 * const { handle } = createServer({
 *   // …
 *   kv: postgresKv({ url: process.env.DATABASE_URL }),
 * });
 * ```
 */
export function postgresKv(options: PostgresKvOptions): PostgresKv {
  const { table = "countersign_kv", max = 10, timeoutMs = 10_000 } = options;
  const { keepConnections = !isWorker(), listen = keepConnections } = options;
  const names = namesOf(table);
  if (!(timeoutMs > 0)) {
    throw new RangeError(`timeoutMs must be above 0, is ${timeoutMs}`);
  }
  const to = addressOf(options);
  const connection = createConnection({
    to,
    table,
    max,
    timeoutMs,
    keepConnections,
  });
  const { ask, client } = connection;
  const read = (keys: readonly KvKey[]) => readKeys(ask, table, keys);
  const { channel } = names;
  const changes = createChanges({ ask, client, channel, read });
  const sweep = createSweep(ask, table);

  return {
    get: async (key) => (await read([key]))[0],
    getMany: read,
    list: (selector, options) =>
      list((range) => readRange(ask, table, range), selector, options),
    atomic: () =>
      createAtomic(ask, names.commit, (keys) => {
        if (listen) changes.announce(keys);
        const swept = sweep.nowAndThen();
        // On Workers nothing goes on once a request was answered.
        return keepConnections ? undefined : swept;
      }),
    ...listen && { watch: changes.watch, watchIsSafe: true },
    sweep: sweep.once,
    async close() {
      await changes.told();
      await connection.close();
    },
  };
}

function addressOf({ url, sql }: PostgresKvOptions): string | SqlClient {
  if (sql !== undefined && url === undefined) return sql;
  if (url !== undefined && sql === undefined) return checkUrl(url);
  throw new TypeError("Give postgresKv either a url or an sql");
}

/** Whether this is a runtime in which a socket ends with its request: it alone has these. */
function isWorker(): boolean {
  return "WebSocketPair" in globalThis;
}
