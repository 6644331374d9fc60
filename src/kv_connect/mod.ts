/**
 * Deno KV from anywhere with `fetch`: Workers, Node, Bun, browsers, Deno.
 *
 * Speaks versions 2 and 3 of the
 * {@link https://github.com/denoland/denokv/blob/main/proto/kv-connect.md | KV Connect protocol},
 * with Deno Deploy or a self-hosted `denokv`, and depends on no package. Values
 * are `Uint8Array`s. Not here: queues, `watch`, counters, eventual consistency.
 *
 * @module
 */

export {
  type ConnectedKv,
  connectKv,
  type ConnectKvOptions,
} from "./kv_connect.ts";
export { KvConnectError } from "./error.ts";
export type { KvListing, KvListOptions } from "./list.ts";
export type { Fetch } from "../http/fetch.ts";
export type {
  KvAtomic,
  KvEntry,
  KvKey,
  KvKeyPart,
  KvLike,
  KvSelector,
} from "../kv/kv.ts";
