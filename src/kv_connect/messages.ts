/**
 * The messages of KV Connect's data path, as
 * {@link https://github.com/denoland/denokv/blob/main/proto/schema/datapath.proto | datapath.proto}
 * numbers their fields.
 *
 * @module
 */

import type { KvEntry } from "../kv/kv.ts";
import { compareBytes, keyAfter, MAX_KEY_BYTES, unpackKey } from "./key.ts";
import {
  bytesOf,
  decode,
  encode,
  numberOf,
  type ProtobufMessage,
} from "./protobuf.ts";
import { MAX_VALUE_BYTES, toEntry } from "./value.ts";

/** A range of packed keys, its end excluded. */
export interface Range {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
  readonly limit: number;
  readonly reverse: boolean;
}

/** A condition of a commit; an empty versionstamp asks for no value. */
export interface Check {
  readonly key: Uint8Array;
  readonly versionstamp: Uint8Array;
}

/** A write of a commit: of bytes, or a delete without. */
export interface Mutation {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  /** Unix milliseconds; 0 for never. */
  readonly expiresAt: number;
}

/** What became of a commit. */
export type Committed =
  | { readonly ok: true; readonly versionstamp: string }
  | { readonly ok: false };

const NONE = new Uint8Array();
const VERSIONSTAMP_BYTES = 10;
/** Room for what stands around a key and a value. */
const FRAME_BYTES = 1024;

const SET = 1;
const DELETE = 2;
const BYTES = 3;

const READ_DISABLED = 2;

const SUCCESS = 1;
const CHECK_FAILURE = 2;
const WRITE_DISABLED = 5;

/** Encodes a `SnapshotRead`. */
export function encodeSnapshotRead(
  ranges: readonly Range[],
): Uint8Array<ArrayBuffer> {
  return encode(ranges.map(({ start, end, limit, reverse }) => [
    1,
    encode([[1, start], [2, end], [3, limit], [4, Number(reverse)]]),
  ]));
}

/** The most bytes that a `SnapshotReadOutput` for these ranges can have. */
export function snapshotReadLimit(ranges: readonly Range[]): number {
  const entries = ranges.reduce((sum, { limit }) => sum + limit, 0);
  return FRAME_BYTES +
    (entries + ranges.length) * (MAX_KEY_BYTES + MAX_VALUE_BYTES + FRAME_BYTES);
}

/**
 * Decodes a `SnapshotReadOutput`: the entries of each range; `undefined` where
 * this endpoint does not serve such reads, or not any more.
 *
 * @throws {TypeError} If it is none, or answers something else.
 */
export function decodeSnapshotReadOutput(
  bytes: Uint8Array,
  ranges: readonly Range[],
): KvEntry[][] | undefined {
  const output = decode(bytes);
  const disabled = numberOf(output, 2) || numberOf(output, 8) === READ_DISABLED;
  const strong = numberOf(output, 4);
  if (disabled || !strong) return undefined;
  const read = bytesOf(output, 1);
  if (read.length !== ranges.length) {
    throw new TypeError(`it has ${read.length} ranges for ${ranges.length}`);
  }
  return ranges.map((range, i) =>
    readRange(bytesOf(decode(read[i]), 1), range)
  );
}

/** The entries of a range: of no other, no more than asked for, and in order. */
function readRange(entries: readonly Uint8Array[], range: Range): KvEntry[] {
  if (entries.length > range.limit) {
    throw new TypeError(`it has ${entries.length} keys for ${range.limit}`);
  }
  let { start, end } = range;
  return entries.map((bytes) => {
    const read = decode(bytes);
    const [key = NONE] = bytesOf(read, 1);
    if (compareBytes(key, start) < 0 || compareBytes(key, end) >= 0) {
      throw new TypeError("it has a key that was not asked for");
    }
    if (range.reverse) end = key;
    else start = keyAfter(key);
    return readEntry(key, read);
  });
}

function readEntry(key: Uint8Array, read: ProtobufMessage): KvEntry {
  const [value = NONE] = bytesOf(read, 2);
  const [versionstamp = NONE] = bytesOf(read, 4);
  const encoding = numberOf(read, 3);
  const version = readVersionstamp(versionstamp);
  return toEntry(unpackKey(key), value, encoding, version);
}

/** Encodes an `AtomicWrite`. */
export function encodeAtomicWrite(
  checks: readonly Check[],
  mutations: readonly Mutation[],
): Uint8Array<ArrayBuffer> {
  return encode([
    ...checks.map(({ key, versionstamp }) =>
      [1, encode([[1, key], [2, versionstamp]])] as const
    ),
    ...mutations.map(({ key, value, expiresAt }) =>
      [
        2,
        encode([
          [1, key],
          ...value ? [[2, encode([[1, value], [2, BYTES]])] as const] : [],
          [3, value ? SET : DELETE],
          [4, expiresAt],
        ]),
      ] as const
    ),
  ]);
}

/**
 * Decodes an `AtomicWriteOutput`; `undefined` where this endpoint does not
 * serve writes, or not any more.
 *
 * @throws {TypeError} If it is none, or does not say what became of the commit.
 */
export function decodeAtomicWriteOutput(
  bytes: Uint8Array,
): Committed | undefined {
  const output = decode(bytes);
  switch (numberOf(output, 1)) {
    case SUCCESS: {
      const [versionstamp = NONE] = bytesOf(output, 2);
      return { ok: true, versionstamp: readVersionstamp(versionstamp) };
    }
    case CHECK_FAILURE:
      return { ok: false };
    case WRITE_DISABLED:
      return undefined;
    default:
      throw new TypeError(`its status is ${numberOf(output, 1)}`);
  }
}

function readVersionstamp(bytes: Uint8Array): string {
  if (bytes.length === VERSIONSTAMP_BYTES) return toHex(bytes);
  throw new TypeError(`it has a versionstamp of ${bytes.length} bytes`);
}

/** Hex digits, as Deno KV shows versionstamps. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}

/**
 * The bytes of a versionstamp.
 *
 * @throws {TypeError} If it is none.
 */
export function parseVersionstamp(versionstamp: string | null): Uint8Array {
  if (versionstamp === null) return NONE;
  if (!/^[0-9a-f]{20}$/.test(versionstamp)) {
    throw new TypeError(`"${versionstamp}" is no versionstamp`);
  }
  return Uint8Array.from(
    versionstamp.match(/../g) ?? [],
    (digits) => parseInt(digits, 16),
  );
}
