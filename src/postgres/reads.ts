/**
 * Reading keys and ranges.
 *
 * Every statement asks for the clock, and not only for what has expired: caches
 * such as Hyperdrive's keep no answer to a statement that does.
 *
 * @module
 */

import type { KvEntry, KvKey } from "../kv/kv.ts";
import { packKey, unpackKey } from "../kv_connect/key.ts";
import type { AskRows } from "./connection.ts";
import { fromBytea, toBytea, toByteaArray, toVersionstamp } from "./values.ts";

/** Keys that one read takes. */
const MOST_KEYS = 10;

const IS_LIVE = "(expires_at is null or expires_at > clock_timestamp())";

/** A range of packed keys. */
export interface KeyRange {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
  readonly limit: number;
  readonly reverse: boolean;
}

/** Reads keys, in the order they are asked for. */
export async function readKeys(
  ask: AskRows,
  table: string,
  keys: readonly KvKey[],
): Promise<KvEntry[]> {
  if (keys.length > MOST_KEYS) {
    throw new TypeError(
      `Cannot read ${keys.length} keys at once, more than ${MOST_KEYS}`,
    );
  }
  const packed = keys.map((key) => toBytea(packKey(key)));
  const rows = await ask(
    "read from",
    `select k, v, version from ${table} where k = any($1::text::bytea[]) and ${IS_LIVE}`,
    [toByteaArray(packed)],
  );
  const found = new Map(rows.map((row) => [toBytea(fromBytea(row[0])), row]));
  return keys.map((key, i) => entryOf(key, found.get(packed[i])));
}

/** Reads one batch of a range. */
export async function readRange(
  ask: AskRows,
  table: string,
  { start, end, limit, reverse }: KeyRange,
): Promise<KvEntry[]> {
  const rows = await ask(
    "read from",
    `select k, v, version from ${table} where k >= $1::text::bytea ` +
      `and k < $2::text::bytea and ${IS_LIVE} ` +
      `order by k ${reverse ? "desc" : "asc"} limit $3::int`,
    [toBytea(start), toBytea(end), limit],
  );
  return rows.map((row) => entryOf(unpackKey(fromBytea(row[0])), row));
}

function entryOf(key: KvKey, row: unknown[] | undefined): KvEntry {
  if (row === undefined) return { key, value: null, versionstamp: null };
  const [, value, version] = row;
  return {
    key,
    value: fromBytea(value),
    versionstamp: toVersionstamp(version),
  };
}
