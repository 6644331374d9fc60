/**
 * Values in KV Connect's encodings.
 *
 * `Uint8Array`s are written and read. Deno's counters are read, as an object
 * with a `value` like `Deno.KvU64`. What Deno serialized with V8 is not: V8's
 * format is its own.
 *
 * @module
 */

import type { KvEntry, KvKey } from "../kv/kv.ts";

const LITTLE_ENDIAN_64 = 2;
const BYTES = 3;

/** Largest value that Deno KV takes, in bytes. */
export const MAX_VALUE_BYTES = 65_536;

/**
 * Checks a value that is to be written.
 *
 * @throws {TypeError} If it is not bytes, or too many.
 */
export function checkValue(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(
      `Cannot write a value of type ${typeof value} over KV Connect: ` +
        "give it as a Uint8Array, of JSON perhaps",
    );
  }
  if (value.length <= MAX_VALUE_BYTES) return value;
  throw new TypeError(
    `Cannot write a value of ${value.length} bytes, more than ${MAX_VALUE_BYTES}`,
  );
}

/**
 * Makes an entry of what was read.
 *
 * One whose value cannot be read has it throw a `TypeError`, so that it can
 * still be listed, checked and deleted.
 */
export function toEntry(
  key: KvKey,
  bytes: Uint8Array,
  encoding: number,
  versionstamp: string,
): KvEntry {
  // A copy: the bytes are part of a larger answer, which may then go.
  if (encoding === BYTES) return { key, value: bytes.slice(), versionstamp };
  if (encoding === LITTLE_ENDIAN_64) {
    const view = new DataView(bytes.slice().buffer);
    return { key, value: { value: view.getBigUint64(0, true) }, versionstamp };
  }
  return {
    key,
    get value(): never {
      throw new TypeError(
        `Cannot read the value at [${key.map(String).join(", ")}] over ` +
          "KV Connect: it was not written as a Uint8Array",
      );
    },
    versionstamp,
  };
}
