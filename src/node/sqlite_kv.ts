/**
 * A `KvLike` over a file of SQLite, for the processes of one machine.
 *
 * SQLite works in the thread that calls it, and a commit costs an fsync however
 * much it holds: so the commits of one turn of the event loop share one.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { KvEntry, KvKey, KvLike, KvSelector } from "../kv/kv.ts";
import { type Committing, gatherAtomic } from "../kv_connect/gathered.ts";
import { packKey, unpackKey } from "../kv_connect/key.ts";
import {
  type KvListing,
  type KvListOptions,
  list,
} from "../kv_connect/list.ts";
import { openSqlite, type Sqlite } from "./sqlite.ts";

/** Options for {@linkcode sqliteKv}. */
export interface SqliteKvOptions {
  /** The file; `":memory:"` for none. */
  path: string;
}

/** A store in a file, as {@linkcode sqliteKv} opens it. */
export interface SqliteKv extends KvLike {
  /** Lists a range of keys, a statement a batch. */
  list(selector: KvSelector, options?: KvListOptions): KvListing;
  /** Closes the file; whatever is asked after that is refused. */
  close(): void;
}

const SCHEMA = `
pragma journal_mode = wal;
pragma synchronous = full;
pragma busy_timeout = 100;
create table if not exists kv (
  k blob primary key, v blob not null, version integer not null,
  expires_at integer
) without rowid;
create index if not exists kv_expires_at on kv (expires_at)
  where expires_at is not null;
create table if not exists kv_version (
  id integer primary key check (id = 0), version integer not null
);
insert or ignore into kv_version values (0, 0);`;

/** Keys that one read takes. */
const MOST_KEYS = 10;

/**
 * Opens a store in a file, by the SQLite that the runtime has: Node 22.5 or
 * later, Bun, Deno. Several processes of one machine may share the file.
 *
 * @throws {TypeError} Where the runtime has no SQLite.
 *
 * @example A server
 * ```ts ignore
 * const { handle } = createServer({
 *   // …
 *   kv: () => sqliteKv({ path: "kv.sqlite" }),
 * });
 * ```
 */
export async function sqliteKv({ path }: SqliteKvOptions): Promise<SqliteKv> {
  const db = await openSqlite(path);
  db.exec(SCHEMA);
  const live = "(expires_at is null or expires_at > ?)";
  const one = db.prepare(
    `select k, v, version from kv where k = ? and ${live}`,
  );
  const range = (order: "asc" | "desc") =>
    db.prepare(
      `select k, v, version from kv where k >= ? and k < ? and ${live} ` +
        `order by k ${order} limit ?`,
    );
  const [forward, backward] = [range("asc"), range("desc")];
  const commit = createCommits(db, (key) => {
    const [row] = one.all(key, Date.now());
    return row === undefined ? null : Number(row.version);
  });
  let closed = false;

  function refuseClosed(): void {
    if (!closed) return;
    const error = new Error("Cannot use a KV that was closed");
    error.name = "BadResource"; // as `Deno.Kv` names it
    throw error;
  }

  // deno-lint-ignore require-await -- what it throws is to be a rejection
  async function getMany(keys: readonly KvKey[]): Promise<KvEntry[]> {
    refuseClosed();
    if (keys.length > MOST_KEYS) {
      throw new TypeError(
        `Cannot read ${keys.length} keys at once, more than ${MOST_KEYS}`,
      );
    }
    const now = Date.now();
    return keys.map((key) => entryOf(key, one.all(packKey(key), now)[0]));
  }

  // deno-lint-ignore require-await -- as above
  async function readRange(
    { start, end, limit, reverse }: {
      start: Uint8Array;
      end: Uint8Array;
      limit: number;
      reverse: boolean;
    },
  ): Promise<KvEntry[]> {
    refuseClosed();
    const statement = reverse ? backward : forward;
    const rows = statement.all(start, end, Date.now(), limit);
    return rows.map((row) => entryOf(unpackKey(row.k as Uint8Array), row));
  }

  return {
    get: async (key) => (await getMany([key]))[0],
    getMany,
    list: (selector, options) => list(readRange, selector, options),
    atomic: () =>
      gatherAtomic((committing) => {
        refuseClosed();
        return commit(committing);
      }),
    close() {
      if (!closed) db.close();
      closed = true;
    },
  };
}

function entryOf(
  key: KvKey,
  row: Record<string, unknown> | undefined,
): KvEntry {
  if (row === undefined) return { key, value: null, versionstamp: null };
  const value = Uint8Array.from(row.v as Uint8Array);
  return { key, value, versionstamp: toVersionstamp(Number(row.version)) };
}

function toVersionstamp(version: number): string {
  return version.toString(16).padStart(20, "0");
}

type Result = { ok: true; versionstamp: string } | { ok: false };

/** Carries out the commits of one turn of the event loop in one transaction. */
function createCommits(
  db: Sqlite,
  versionOf: (key: Uint8Array) => number | null,
): (committing: Committing) => Promise<Result> {
  const next = db.prepare(
    "update kv_version set version = version + 1 returning version",
  );
  const set = db.prepare("insert or replace into kv values (?, ?, ?, ?)");
  const remove = db.prepare("delete from kv where k = ?");
  const sweep = db.prepare(
    "delete from kv where k in (select k from kv where expires_at < ? limit 100)",
  );
  interface Waiting {
    readonly committing: Committing;
    resolve(result: Result): void;
    reject(error: unknown): void;
  }
  let waiting: Waiting[] = [];

  function carryOut({ checks, mutations }: Committing): Result {
    const now = Date.now();
    const holds = checks.every(({ key, version }) =>
      versionOf(key) === version
    );
    if (!holds) return { ok: false };
    const version = Number(next.all()[0].version);
    for (const { key, value, expireIn } of mutations) {
      const expiresAt = expireIn === undefined ? null : now + expireIn;
      if (value) set.run(key, value, version, expiresAt);
      else remove.run(key);
    }
    return { ok: true, versionstamp: toVersionstamp(version) };
  }

  function drain(): void {
    const group = waiting;
    waiting = [];
    try {
      db.exec("begin immediate");
      const results = group.map(({ committing }) => carryOut(committing));
      sweep.run(Date.now());
      db.exec("commit");
      group.forEach(({ resolve }, i) => resolve(results[i]));
    } catch (error) {
      try {
        db.exec("rollback");
      } catch {
        // It had not begun, or has ended by itself.
      }
      group.forEach(({ reject }) => reject(error));
    }
  }

  return (committing) =>
    new Promise((resolve, reject) => {
      waiting.push({ committing, resolve, reject });
      if (waiting.length === 1) setImmediate(drain);
    });
}
