/**
 * A `KvLike` over KV Connect.
 *
 * @module
 */

import type { Fetch } from "../http/fetch.ts";
import type { KvLike, KvSelector } from "../kv/kv.ts";
import { type AskDataPath, createDataPath } from "./data_path.ts";
import { type KvListing, type KvListOptions, list } from "./list.ts";
import { readKeys, readRanges } from "./reads.ts";
import { createSessions, isSafe, isToken } from "./session.ts";
import { createAtomic } from "./writes.ts";

/** Options for {@linkcode connectKv}. */
export interface ConnectKvOptions {
  /** The database's KV Connect URL: https, or http on this machine. */
  url: string | URL;
  /** The access token. */
  token: string;
  /** Takes the place of the global `fetch`. */
  fetch?: Fetch;
  /** Milliseconds that one request may take. Defaults to 10,000. */
  timeoutMs?: number;
  /** Current time, in Unix milliseconds. Defaults to `Date.now`. */
  now?: () => number;
}

/** A Deno KV, as {@linkcode connectKv} reaches it. */
export interface ConnectedKv extends KvLike {
  /** Lists a range of keys, a request a batch. */
  list(selector: KvSelector, options?: KvListOptions): KvListing;
  /** Forgets the session; whatever is asked after that is refused. */
  close(): void;
}

/**
 * Connects to a Deno KV over KV Connect.
 *
 * Sends nothing until it is first used, and holds nothing but strings and
 * numbers, so that on Workers it may be made at module scope and shared by
 * requests. The access token is sent to `url` alone and redirects are refused;
 * what `url` answers with must be https too, unless `url` is http on this
 * machine. Reads are tried again where that may help, commits never: one that
 * may have happened all the same throws a {@linkcode KvConnectError} that is
 * `ambiguous`.
 *
 * @throws {TypeError} If `url` or `token` cannot be used.
 *
 * @example A server on Workers
 * ```ts
 * import { batch_sum, createServer, start_long_task } from "@countersign/mcp";
 * import { connectKv } from "@countersign/mcp/kv-connect";
 *
 * interface Env {
 *   SERVER_SECRET: string;
 *   CLIENT_SECRET: string;
 *   KV_URL: string;
 *   KV_TOKEN: string;
 * }
 * const { handle } = createServer((env) => {
 *   const { SERVER_SECRET, CLIENT_SECRET, KV_URL, KV_TOKEN } = env as Env;
 *   return {
 *     serverId: "mcp-server-001",
 *     serverSecret: SERVER_SECRET,
 *     clients: { "client-001": CLIENT_SECRET },
 *     kv: connectKv({ url: KV_URL, token: KV_TOKEN }),
 *     tools: { batch_sum, start_long_task },
 *   };
 * });
 * export default { fetch: handle };
 * ```
 */
export function connectKv(options: ConnectKvOptions): ConnectedKv {
  const { token, timeoutMs = 10_000, now = Date.now } = options;
  if (!isToken(token)) {
    throw new TypeError(
      "Cannot connect to KV: the token is empty or malformed",
    );
  }
  const transport = {
    // Called as a bare function: Workers refuse `fetch` as a method.
    deliver: options.fetch ?? ((request: Request) => fetch(request)),
    timeoutMs,
  };
  const url = urlOf(options.url);
  const sessions = createSessions({ ...transport, url, token, now });
  let closed = false;

  const askDataPath = createDataPath(transport, sessions);
  const ask: AskDataPath = async (...asked) => {
    if (closed) throw closedError();
    return await askDataPath(...asked);
  };

  return {
    get: async (key) => (await readKeys(ask, [key]))[0],
    getMany: (keys) => readKeys(ask, keys),
    list: (selector, options) =>
      list(
        async (range) => (await readRanges(ask, [range]))[0],
        selector,
        options,
      ),
    atomic: () => createAtomic(ask, now),
    close() {
      closed = true;
    },
  };
}

/** Nothing of the URL is quoted: it may hold, or be, what should not be seen. */
function urlOf(text: string | URL): URL {
  if (!URL.canParse(text)) {
    throw new TypeError("Cannot connect to KV: the url is no URL");
  }
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) {
    throw new TypeError(
      "Cannot connect to KV: the url is not one of http or https",
    );
  }
  if (url.username || url.password) {
    throw new TypeError(
      "Cannot connect to KV: the url must hold no credentials",
    );
  }
  if (!isSafe(url)) {
    throw new TypeError(
      "Cannot connect to KV: give the url as https, or the token could be read on the way",
    );
  }
  return url;
}

/** Named as `Deno.Kv` names it. */
function closedError(): Error {
  const error = new Error("Cannot use a KV that was closed");
  error.name = "BadResource";
  return error;
}
