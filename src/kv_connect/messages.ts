/**
 * The messages of KV Connect's data path, as
 * {@link https://github.com/denoland/denokv/blob/main/proto/schema/datapath.proto | datapath.proto}
 * numbers their fields.
 *
 * @module
 */

import type { KvEntry } from "../kv/kv.ts";
import { unpackKey } from "./key.ts";
import { bytesOf, decode, encode, numberOf } from "./protobuf.ts";
import { entry } from "./value.ts";

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

const SET = 1;
const DELETE = 2;
const BYTES = 3;

const READ_DISABLED = 2;

const SUCCESS = 1;
const CHECK_FAILURE = 2;
const WRITE_DISABLED = 5;

/** Encodes a `SnapshotRead`. */
export function snapshotRead(
  ranges: readonly Range[],
): Uint8Array<ArrayBuffer> {
  return encode(ranges.map(({ start, end, limit, reverse }) => [
    1,
    encode([[1, start], [2, end], [3, limit], [4, Number(reverse)]]),
  ]));
}

/**
 * Decodes a `SnapshotReadOutput`: the entries of each range; `undefined` where
 * this endpoint does not serve such reads, or not any more.
 *
 * @throws {TypeError} If it is none, or answers something else.
 */
export function snapshotReadOutput(
  bytes: Uint8Array,
  ranges: number,
): KvEntry[][] | undefined {
  const output = decode(bytes);
  const disabled = numberOf(output, 2) || numberOf(output, 8) === READ_DISABLED;
  const strong = numberOf(output, 4);
  if (disabled || !strong) return undefined;
  const read = bytesOf(output, 1).map((range) =>
    bytesOf(decode(range), 1).map(entryOf)
  );
  if (read.length === ranges) return read;
  throw new TypeError(`it has ${read.length} ranges for ${ranges}`);
}

function entryOf(bytes: Uint8Array): KvEntry {
  const read = decode(bytes);
  const [packed = NONE] = bytesOf(read, 1);
  const [value = NONE] = bytesOf(read, 2);
  const [versionstamp = NONE] = bytesOf(read, 4);
  const encoding = numberOf(read, 3);
  return entry(unpackKey(packed), value, encoding, hex(versionstamp));
}

/** Encodes an `AtomicWrite`. */
export function atomicWrite(
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
export function atomicWriteOutput(bytes: Uint8Array): Committed | undefined {
  const output = decode(bytes);
  switch (numberOf(output, 1)) {
    case SUCCESS: {
      const [versionstamp] = bytesOf(output, 2);
      if (versionstamp?.length) {
        return { ok: true, versionstamp: hex(versionstamp) };
      }
      throw new TypeError("it has no versionstamp");
    }
    case CHECK_FAILURE:
      return { ok: false };
    case WRITE_DISABLED:
      return undefined;
    default:
      throw new TypeError(`its status is ${numberOf(output, 1)}`);
  }
}

/** Hex digits, as Deno KV shows versionstamps. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}

/**
 * The bytes of a versionstamp.
 *
 * @throws {TypeError} If it is none.
 */
export function versionBytes(versionstamp: string | null): Uint8Array {
  if (versionstamp === null) return NONE;
  if (!/^[0-9a-f]{20}$/.test(versionstamp)) {
    throw new TypeError(`"${versionstamp}" is no versionstamp`);
  }
  return Uint8Array.from(
    versionstamp.match(/../g) ?? [],
    (digits) => parseInt(digits, 16),
  );
}
