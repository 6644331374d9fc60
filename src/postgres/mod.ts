/**
 * A store in PostgreSQL, for servers on more than one machine.
 *
 * On Deno, Node and Bun, and on Workers through Hyperdrive, by the npm package
 * `postgres`. Values are `Uint8Array`s. Not here: queues, counters.
 *
 * @module
 */

export {
  type PostgresKv,
  postgresKv,
  type PostgresKvOptions,
} from "./postgres_kv.ts";
export { type PostgresAction, PostgresKvError } from "./error.ts";
export { postgresSchema } from "./schema.ts";
export type { Parameter, SqlClient } from "./connection.ts";
export type { KvListing, KvListOptions } from "../kv_connect/list.ts";
export type {
  KvAtomic,
  KvEntry,
  KvKey,
  KvKeyPart,
  KvLike,
  KvSelector,
} from "../kv/kv.ts";
