/**
 * Listing a range of keys, a batch at a time.
 *
 * @module
 */

import { fromBase64, toBase64 } from "../base64.ts";
import { concat } from "../bytes.ts";
import type { KvEntry, KvSelector } from "../kv/kv.ts";
import type { Range } from "./messages.ts";
import { packKey } from "./key.ts";

/** Options for `list`. */
export interface KvListOptions {
  /** Most entries to list. Defaults to all there are. */
  limit?: number;
  /** Whether to begin at the end. Defaults to `false`. */
  reverse?: boolean;
  /** The cursor of an earlier listing of the same range, to go on behind it. */
  cursor?: string;
  /** Entries to read in one request, up to 1,000. Defaults to 100. */
  batchSize?: number;
}

/** Entries in order of key. */
export interface KvListing extends AsyncIterableIterator<KvEntry> {
  /** Where the last entry was, as Deno KV writes it; `""` before the first and after the end. */
  readonly cursor: string;
}

const MAX_BATCH = 1000;

/**
 * Lists a range.
 *
 * @param read Reads one batch.
 * @throws {TypeError} If selector or cursor make no range.
 * @throws {RangeError} If a number is out of range.
 */
export function list(
  read: (range: Range) => Promise<readonly KvEntry[]>,
  selector: KvSelector,
  { limit = Infinity, reverse = false, cursor = "", batchSize = 100 }:
    KvListOptions = {},
): KvListing {
  if (!(limit > 0)) throw new RangeError(`limit must be above 0, is ${limit}`);
  if (!(batchSize > 0 && batchSize <= MAX_BATCH)) {
    throw new RangeError(
      `batchSize must be 1 to ${MAX_BATCH}, is ${batchSize}`,
    );
  }
  let { start, end, common } = readBounds(selector);
  if (cursor) startAfter(concat([common, fromBase64Url(cursor)]));
  let last = cursor;

  function startAfter(key: Uint8Array<ArrayBuffer>): void {
    if (reverse) end = key;
    else start = concat([key, [0]]);
  }

  async function* entries(): AsyncGenerator<KvEntry, undefined> {
    for (let left = limit; left > 0;) {
      const size = Math.min(batchSize, left);
      const batch = await read({ start, end, limit: size, reverse });
      for (const entry of batch) {
        const key = packKey(entry.key);
        startAfter(key);
        last = toBase64Url(key.subarray(common.length));
        yield entry;
      }
      left -= batch.length;
      if (batch.length < size) {
        last = "";
        return;
      }
    }
  }

  return Object.defineProperty(entries(), "cursor", {
    get: () => last,
  }) as unknown as KvListing;
}

/** The range of packed keys, and what all of them begin with. */
function readBounds(selector: KvSelector) {
  const prefix = "prefix" in selector ? packKey(selector.prefix) : undefined;
  const start = "start" in selector ? packKey(selector.start) : undefined;
  const end = "end" in selector ? packKey(selector.end) : undefined;
  if (prefix === undefined) {
    if (start && end) return { start, end, common: commonOf(start, end) };
    throw new TypeError("Cannot list without a prefix, or both start and end");
  }
  for (const bound of [start, end]) {
    if (bound && commonOf(bound, prefix).length < prefix.length) {
      throw new TypeError("Cannot list: start and end must have the prefix");
    }
  }
  return {
    start: start ?? concat([prefix, [0]]),
    end: end ?? concat([prefix, [255]]),
    common: prefix,
  };
}

function commonOf(a: Uint8Array, b: Uint8Array): Uint8Array {
  const differs = a.findIndex((byte, i) => byte !== b[i]);
  return differs < 0 ? a : a.subarray(0, differs);
}

function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_");
}

function fromBase64Url(cursor: string): Uint8Array {
  try {
    return fromBase64(cursor.replaceAll("-", "+").replaceAll("_", "/"));
  } catch (cause) {
    throw new TypeError(`"${cursor}" is no cursor`, { cause });
  }
}
