/**
 * A model of Deno KV: one order of commits, versionstamps, keys in order, and
 * its limits. `kv_model_test.ts` holds it against Deno's own.
 */
import type { KvEntry, KvKey, KvKeyPart, KvSelector } from "../../src/kv/kv.ts";

/** What a commit requires. */
export interface Check {
  readonly key: KvKey;
  readonly versionstamp: string | null;
}

/** What a commit changes. */
export type Mutation =
  | {
    readonly kind: "set";
    readonly key: KvKey;
    readonly value: unknown;
    readonly expireIn?: number;
  }
  | { readonly kind: "delete"; readonly key: KvKey };

/** How a commit ended. */
export type Committed =
  | { readonly ok: true; readonly versionstamp: string }
  | { readonly ok: false };

/** A store, as it stands at one instant. */
export interface KvModel {
  get(key: KvKey): KvEntry;
  list(
    selector: KvSelector,
    options?: { limit?: number; reverse?: boolean },
  ): KvEntry[];
  commit(
    checks: readonly Check[],
    mutations: readonly Mutation[],
  ): Committed;
  /** Drops a key that expired, if it was not written since. */
  expire(key: KvKey, versionstamp: string): void;
}

interface Row extends KvEntry {
  readonly packed: string;
}

/** Makes an empty store. */
export function createKvModel(): KvModel {
  const rows = new Map<string, Row>();
  const sorted: string[] = [];
  let version = 0;

  function placeOf(packed: string): number {
    let low = 0, high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < packed) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function set(key: KvKey, value: unknown, versionstamp: string): void {
    const packed = packKey(key);
    if (!rows.has(packed)) sorted.splice(placeOf(packed), 0, packed);
    const copy = value instanceof Uint8Array ? value.slice() : value;
    rows.set(packed, { packed, key, value: copy, versionstamp });
  }

  function remove(packed: string): void {
    if (rows.delete(packed)) sorted.splice(placeOf(packed), 1);
  }

  return {
    get: (key) =>
      rows.get(packKey(key)) ?? { key, value: null, versionstamp: null },

    list(selector, { limit = Infinity, reverse = false } = {}) {
      const [from, until] = rangeOf(selector);
      if (from > until) {
        throw new TypeError("Start key is greater than end key");
      }
      const low = placeOf(from);
      const high = placeOf(until);
      const count = Math.min(limit, high - low);
      return Array.from({ length: count }, (_, i) => {
        const packed = sorted[reverse ? high - 1 - i : low + i];
        return rows.get(packed) as Row;
      });
    },

    commit(checks, mutations) {
      const holds = checks.every(({ key, versionstamp }) =>
        (rows.get(packKey(key))?.versionstamp ?? null) === versionstamp
      );
      if (!holds) return { ok: false };
      const versionstamp = (++version).toString(16).padStart(20, "0");
      for (const mutation of mutations) {
        if (mutation.kind === "delete") remove(packKey(mutation.key));
        else set(mutation.key, mutation.value, versionstamp);
      }
      return { ok: true, versionstamp };
    },

    expire(key, versionstamp) {
      const packed = packKey(key);
      if (rows.get(packed)?.versionstamp === versionstamp) remove(packed);
    },
  };
}

/**
 * Refuses what no Deno KV takes; it does so when the commit is sent.
 *
 * @throws {TypeError}
 */
export function checkLimits(
  checks: readonly Check[],
  mutations: readonly Mutation[],
): void {
  // Deno's own takes 100, KV Connect 10: what is to run on both keeps to 10.
  if (checks.length > 10) throw new TypeError("Too many checks (max 10)");
  if (mutations.length > 1000) {
    throw new TypeError("Too many mutations (max 1000)");
  }
  for (const { key } of checks) packKey(key);
  let total = 0;
  for (const mutation of mutations) {
    total += packKey(mutation.key).length;
    if (mutation.kind === "delete") continue;
    const { value } = mutation;
    if (!(value instanceof Uint8Array)) {
      throw new TypeError("The model keeps bytes only");
    }
    if (value.length > 65_536) {
      throw new TypeError("Value too large (max 65536 bytes)");
    }
    total += value.length;
  }
  if (total > 819_200) {
    throw new TypeError("Total mutation size too large (max 819200 bytes)");
  }
}

/** What a selector takes in, from the first key to before the second. */
function rangeOf(selector: KvSelector): [from: string, until: string] {
  const parts = selector as {
    prefix?: KvKey;
    start?: KvKey;
    end?: KvKey;
  };
  const pack = (key: KvKey, end = "") =>
    checkLength(`${key.map(packPart).join("")}${end}`, MAX_KEY_BYTES + 1);
  const { prefix = [] } = parts;
  return [
    // A prefix takes in what is under it, not the key itself: types are 1 to 39.
    parts.start ? pack(parts.start) : pack(prefix, "\0"),
    parts.end ? pack(parts.end) : pack(prefix, "\xff"),
  ];
}

const MAX_KEY_BYTES = 2048;
/** Text that is its own bytes, with no 0 among them. */
// deno-lint-ignore no-control-regex
const PLAIN = /^[\x01-\x7f]*$/;
const double = new DataView(new ArrayBuffer(8));
const utf8 = new TextEncoder();

/** A text that sorts as the key does, and is as long as its bytes. */
export function packKey(key: KvKey): string {
  return checkLength(key.map(packPart).join(""));
}

/** The end of a range may be a byte longer than a key. */
function checkLength(packed: string, most = MAX_KEY_BYTES): string {
  if (packed.length <= most) return packed;
  throw new TypeError(`Key too large (max ${most} bytes)`);
}

function packPart(part: KvKeyPart): string {
  if (part instanceof Uint8Array) return `\x01${escape(binary(part))}`;
  switch (typeof part) {
    case "string":
      if (PLAIN.test(part)) return `\x02${part}\0`;
      return `\x02${escape(binary(utf8.encode(part)))}`;
    case "number":
      return `\x21${packDouble(part)}`;
    case "boolean":
      return part ? "\x27" : "\x26";
  }
  throw new TypeError(`The model has no keys of ${typeof part}`);
}

/** A 0 is the end; one in the data is followed by 255. */
function escape(text: string): string {
  return `${text.includes("\0") ? text.replaceAll("\0", "\0\xff") : text}\0`;
}

function binary(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** The sign bit turned over; of negative numbers all bits, so that they sort. */
function packDouble(value: number): string {
  double.setFloat64(0, value);
  const mask = value < 0 || Object.is(value, -0) ? 255 : 0;
  let packed = "";
  for (let i = 0; i < 8; i++) {
    const flip = i === 0 ? mask | 128 : mask;
    packed += String.fromCharCode(double.getUint8(i) ^ flip);
  }
  return packed;
}
