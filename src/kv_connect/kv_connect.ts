/**
 * A `KvLike` over KV Connect.
 *
 * @module
 */

import {
  atomicWrite,
  atomicWriteOutput,
  type Check,
  type Committed,
  type Mutation,
  type Range,
  snapshotRead,
  snapshotReadOutput,
  versionBytes,
} from "./datapath.ts";
import { type Action, KvConnectError } from "./error.ts";
import { packKey } from "./key.ts";
import { type KvListing, type KvListOptions, list } from "./list.ts";
import { post } from "./post.ts";
import { createSessions, isSafe, isToken } from "./session.ts";
import { writable } from "./value.ts";
import type { Fetch } from "../http/fetch.ts";
import type { KvAtomic, KvEntry, KvKey, KvLike, KvSelector } from "../kv/kv.ts";
import { pause } from "../waiting.ts";

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

/** Tries of a read: about half a second in all. */
const READ_TRIES = 3;
/** Keys that one read may name. */
const MAX_KEYS = 10;

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

  /** Asks the data path; again, once, where the session was refused. */
  async function ask<T>(
    action: Action,
    path: string,
    body: Uint8Array<ArrayBuffer>,
    read: (answer: Uint8Array) => T | undefined,
  ): Promise<T> {
    for (let again = false;; again = true) {
      if (closed) throw closedError();
      const session = await sessions.current();
      try {
        const answer = await post(transport, {
          action,
          url: `${session.endpoint}/${path}`,
          token: session.token,
          headers: {
            "content-type": "application/x-protobuf",
            "x-denokv-version": String(session.version),
            "x-denokv-database-id": session.databaseId,
          },
          body,
          read,
        });
        if (answer !== undefined) return answer;
        if (again) throw elsewhere(action, session.endpoint);
      } catch (error) {
        const refused = error instanceof KvConnectError && error.status === 401;
        if (again || !refused) throw error;
      }
      sessions.drop(session);
    }
  }

  async function read(ranges: readonly Range[]): Promise<KvEntry[][]> {
    const body = snapshotRead(ranges);
    for (let tried = 1;; tried++) {
      try {
        return await ask(
          "read",
          "snapshot_read",
          body,
          (answer) => snapshotReadOutput(answer, ranges.length),
        );
      } catch (error) {
        const transient = error instanceof KvConnectError && error.transient;
        if (tried >= READ_TRIES || !transient) throw error;
      }
      await pause(Math.random() * 100 * 2 ** tried);
    }
  }

  async function getMany(keys: readonly KvKey[]): Promise<KvEntry[]> {
    if (keys.length > MAX_KEYS) {
      throw new TypeError(
        `Cannot read ${keys.length} keys at once, more than ${MAX_KEYS}`,
      );
    }
    if (keys.length === 0) return [];
    const ranges = await read(keys.map((key) => {
      const start = packKey(key);
      return { start, end: after(start), limit: 1, reverse: false };
    }));
    return ranges.map(([entry], i) =>
      entry ?? { key: keys[i], value: null, versionstamp: null }
    );
  }

  function atomic(): KvAtomic {
    const checks: Check[] = [];
    const mutations: Mutation[] = [];
    const operation: KvAtomic = {
      check(...conditions) {
        for (const { key, versionstamp } of conditions) {
          checks.push({
            key: packKey(key),
            versionstamp: versionBytes(versionstamp),
          });
        }
        return operation;
      },
      set(key, value, { expireIn } = {}) {
        mutations.push({
          key: packKey(key),
          value: writable(value),
          expiresAt: expiryOf(expireIn, now()),
        });
        return operation;
      },
      delete(key) {
        mutations.push({ key: packKey(key), value: undefined, expiresAt: 0 });
        return operation;
      },
      commit: () =>
        ask<Committed>(
          "commit",
          "atomic_write",
          atomicWrite(checks, mutations),
          atomicWriteOutput,
        ),
    };
    return operation;
  }

  return {
    get: async (key) => (await getMany([key]))[0],
    getMany,
    list: (selector, options) =>
      list(async (range) => (await read([range]))[0], selector, options),
    atomic,
    close() {
      closed = true;
    },
  };
}

/** The first key after a packed one. */
function after(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

function expiryOf(expireIn: number | undefined, now: number): number {
  if (expireIn === undefined) return 0;
  if (expireIn > 0 && expireIn < Infinity) return Math.ceil(now + expireIn);
  throw new TypeError(`expireIn must be above 0, is ${expireIn}`);
}

/** The URL is not quoted whole: it may hold what should not be seen. */
function urlOf(text: string | URL): URL {
  if (!URL.canParse(text)) {
    throw new TypeError("Cannot connect to KV: the url is no URL");
  }
  const url = new URL(text);
  const { protocol, host } = url;
  if (!/^https?:$/.test(protocol)) {
    throw new TypeError(
      `Cannot connect to KV: "${protocol}" is not http or https`,
    );
  }
  if (url.username || url.password) {
    throw new TypeError(
      "Cannot connect to KV: the url must hold no credentials",
    );
  }
  if (!isSafe(url)) {
    throw new TypeError(
      `Cannot connect to KV: give ${host} as https, or the token could be read on the way`,
    );
  }
  return url;
}

function elsewhere(action: Action, endpoint: string): KvConnectError {
  const { host } = new URL(endpoint);
  const why = `${host} does not serve this database now`;
  return new KvConnectError(action, why, 503);
}

/** Named as `Deno.Kv` names it. */
function closedError(): Error {
  const error = new Error("Cannot use a KV that was closed");
  error.name = "BadResource";
  return error;
}
