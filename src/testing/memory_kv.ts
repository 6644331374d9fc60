/**
 * A KV in memory, for tests in runtimes that have no Deno KV.
 *
 * @module
 */

import type { KvEntry, KvKey, KvLike, KvSelector } from "../kv/kv.ts";
import { type Committing, gatherAtomic } from "../kv_connect/gathered.ts";
import { packKey, unpackKey } from "../kv_connect/key.ts";
import {
  type KvListing,
  type KvListOptions,
  list,
} from "../kv_connect/list.ts";

/** A store in memory. */
export interface MemoryKv extends KvLike {
  /** Lists a range of keys. */
  list(selector: KvSelector, options?: KvListOptions): KvListing;
}

interface Row {
  readonly packed: Uint8Array;
  readonly value: Uint8Array;
  readonly version: number;
  readonly expiresAt: number;
}

/**
 * Makes a store that is gone with its process.
 *
 * @param now The time by which keys expire. Defaults to `Date.now`.
 *
 * @example
 * ```ts
 * import { memoryKv } from "@countersign/mcp/testing";
 *
 * const kv = memoryKv();
 * await kv.atomic().set(["a"], new Uint8Array([1])).commit();
 * console.log((await kv.get(["a"])).value); // Uint8Array(1) [ 1 ]
 * ```
 */
export function memoryKv(now: () => number = Date.now): MemoryKv {
  const rows = new Map<string, Row>();
  let commits = 0;

  function find(packed: Uint8Array): Row | undefined {
    const row = rows.get(nameOf(packed));
    return row && row.expiresAt > now() ? row : undefined;
  }

  // deno-lint-ignore require-await -- what it throws is to be a rejection
  async function getMany(keys: readonly KvKey[]): Promise<KvEntry[]> {
    if (keys.length > 10) {
      throw new TypeError(`Cannot read ${keys.length} keys, more than 10`);
    }
    return keys.map((key) => entryOf(key, find(packKey(key))));
  }

  // deno-lint-ignore require-await -- as above
  async function commit({ checks, mutations }: Committing) {
    for (const { key, version } of checks) {
      if ((find(key)?.version ?? null) !== version) {
        return { ok: false } as const;
      }
    }
    const version = ++commits;
    for (const { key: packed, value, expireIn = Infinity } of mutations) {
      const expiresAt = now() + expireIn;
      if (value === undefined) rows.delete(nameOf(packed));
      else rows.set(nameOf(packed), { packed, value, version, expiresAt });
    }
    return { ok: true, versionstamp: stampOf(version) } as const;
  }

  return {
    get: async (key) => (await getMany([key]))[0],
    getMany,
    list: (selector, options) =>
      list(
        ({ start, end, limit, reverse }) => {
          const [from, until] = [nameOf(start), nameOf(end)];
          const names = [...rows.keys()]
            .filter((name) => from <= name && name < until).sort();
          if (reverse) names.reverse();
          const found = names.flatMap((name) => {
            const row = rows.get(name);
            return row && row.expiresAt > now() ? [row] : [];
          });
          const entries = found.slice(0, limit)
            .map((row) => entryOf(unpackKey(row.packed), row));
          return Promise.resolve(entries);
        },
        selector,
        options,
      ),
    atomic: () => gatherAtomic(commit),
  };
}

/** A letter a byte, so that names sort as the bytes do. */
function nameOf(packed: Uint8Array): string {
  return String.fromCharCode(...packed);
}

function stampOf(version: number): string {
  return version.toString(16).padStart(20, "0");
}

function entryOf(key: KvKey, row: Row | undefined): KvEntry {
  if (row === undefined) return { key, value: null, versionstamp: null };
  const { value, version } = row;
  return { key, value: value.slice(), versionstamp: stampOf(version) };
}
