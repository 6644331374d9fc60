/**
 * What Deno has of itself, for Node and Bun: serving, and a store in a file.
 *
 * @module
 */

export { serve, type ServeOptions, type Serving } from "./serve.ts";
export { type Handle, type NodeListener, nodeListener } from "./listener.ts";
export { type SqliteKv, sqliteKv, type SqliteKvOptions } from "./sqlite_kv.ts";
export type { KvListing, KvListOptions } from "../kv_connect/list.ts";
export type {
  KvAtomic,
  KvEntry,
  KvKey,
  KvKeyPart,
  KvLike,
  KvSelector,
} from "../kv/kv.ts";
