/** A KV in memory that is emptied in no time, and remembers what was written. */
import { packKey } from "../../src/kv_connect/key.ts";
import type {
  KvAtomic,
  KvEntry,
  KvKey,
  KvLike,
  KvSelector,
} from "../../src/kv/kv.ts";

interface Row extends KvEntry {
  readonly versionstamp: string;
  readonly expiresAt: number;
}

/** One commit that went through. */
export interface Commit {
  readonly set: readonly KvKey[];
  readonly deleted: readonly KvKey[];
  /** Bytes of the values. */
  readonly bytes: number;
}

export interface MemoryKv extends KvLike {
  /** The commits since it was last emptied. */
  readonly commits: readonly Commit[];
  /** Bytes of all values that stand in it now. */
  bytes(): number;
  keys(): KvKey[];
  empty(): void;
}

/** What Deno KV takes of one commit, in bytes. */
const MAX_COMMIT = 819_200;
const MAX_VALUE = 65_536;
const MAX_CHECKS = 100;

export function memoryKv(): MemoryKv {
  const rows = new Map<string, Row>();
  let commits: Commit[] = [];
  let version = 0;

  function read(key: KvKey): KvEntry {
    const row = rows.get(nameOf(key));
    if (row && row.expiresAt > Date.now()) return row;
    return { key, value: null, versionstamp: null };
  }

  return {
    get commits() {
      return commits;
    },
    bytes: () =>
      rows.values().reduce((sum, { value }) => sum + sizeOf(value), 0),
    keys: () => Array.from(rows.values(), ({ key }) => key),
    empty() {
      rows.clear();
      commits = [];
    },
    get: (key) => Promise.resolve(read(key)),
    getMany: (keys) => Promise.resolve(keys.map(read)),
    async *list(selector, { limit = Infinity, reverse = false } = {}) {
      const { start, end } = boundsOf(selector);
      const names = [...rows.keys()].filter((name) =>
        name >= start && name < end
      ).sort();
      if (reverse) names.reverse();
      for (const name of names.slice(0, limit)) {
        const row = rows.get(name);
        if (row && row.expiresAt > Date.now()) yield await row;
      }
    },
    atomic: () => begin(),
    close() {},
  };

  function begin(): KvAtomic {
    const checks: { key: KvKey; versionstamp: string | null }[] = [];
    const sets: { key: KvKey; value: unknown; expiresAt: number }[] = [];
    const deleted: KvKey[] = [];
    const operation: KvAtomic = {
      check(...more) {
        checks.push(...more);
        return operation;
      },
      set(key, value, { expireIn = Infinity } = {}) {
        nameOf(key);
        sets.push({ key, value, expiresAt: Date.now() + expireIn });
        return operation;
      },
      delete(key) {
        deleted.push(key);
        return operation;
      },
      async commit() {
        await Promise.resolve(); // nobody has the answer in the same turn
        const bytes = sets.reduce((sum, { value }) => sum + sizeOf(value), 0);
        if (checks.length > MAX_CHECKS || bytes > MAX_COMMIT) {
          throw new TypeError("Too large for one commit");
        }
        const holds = checks.every(({ key, versionstamp }) =>
          read(key).versionstamp === versionstamp
        );
        if (!holds) return { ok: false };
        const versionstamp = (++version).toString(16).padStart(20, "0");
        for (const { key, value, expiresAt } of sets) {
          rows.set(nameOf(key), { key, value, versionstamp, expiresAt });
        }
        for (const key of deleted) rows.delete(nameOf(key));
        commits.push({ set: sets.map(({ key }) => key), deleted, bytes });
        return { ok: true, versionstamp };
      },
    };
    return operation;
  }
}

/** @throws {TypeError} If the value is one that Deno KV would refuse. */
function sizeOf(value: unknown): number {
  if (!(value instanceof Uint8Array)) throw new TypeError("Not bytes");
  if (value.length > MAX_VALUE) throw new TypeError("Value too large");
  return value.length;
}

/** A key as a text that sorts like it. */
function nameOf(key: KvKey): string {
  return Array.from(packKey(key), (byte) => String.fromCharCode(byte)).join("");
}

function boundsOf(selector: KvSelector): { start: string; end: string } {
  const prefix = "prefix" in selector ? nameOf(selector.prefix) : "";
  return {
    start: "start" in selector ? nameOf(selector.start) : `${prefix}\0`,
    end: "end" in selector ? nameOf(selector.end) : `${prefix}\xff`,
  };
}
