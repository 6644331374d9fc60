/** The server's side of KV Connect's data path: reads requests, writes answers. */
import {
  bytesOf,
  decode,
  encode,
  type Field,
  numberOf,
} from "../../src/kv_connect/protobuf.ts";

export interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly encoding: number;
  readonly versionstamp: Uint8Array;
}
export interface ReadRange {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
  readonly limit: number;
  readonly reverse: boolean;
}
export interface Write {
  readonly checks: { key: Uint8Array; versionstamp: Uint8Array }[];
  readonly mutations: {
    readonly key: Uint8Array;
    readonly value: Uint8Array;
    readonly encoding: number;
    readonly type: number;
    readonly expiresAt: number;
  }[];
}

/** What a test server keeps its rows in. */
export interface Rows {
  read(ranges: readonly ReadRange[]): Promise<Row[][]>;
  /** The versionstamp, or `undefined` if a check did not hold. */
  write(write: Write): Promise<Uint8Array | undefined>;
}

export const SET = 1;
export const DELETE = 2;

const NONE = new Uint8Array();

export function readSnapshotRead(bytes: Uint8Array): ReadRange[] {
  return bytesOf(decode(bytes), 1).map(decode).map((range) => ({
    start: bytesOf(range, 1)[0] ?? NONE,
    end: bytesOf(range, 2)[0] ?? NONE,
    limit: numberOf(range, 3),
    reverse: numberOf(range, 4) === 1,
  }));
}

export function readAtomicWrite(bytes: Uint8Array): Write {
  const write = decode(bytes);
  return {
    checks: bytesOf(write, 1).map(decode).map((check) => ({
      key: bytesOf(check, 1)[0] ?? NONE,
      versionstamp: bytesOf(check, 2)[0] ?? NONE,
    })),
    mutations: bytesOf(write, 2).map(decode).map((mutation) => {
      const value = decode(bytesOf(mutation, 2)[0] ?? NONE);
      return {
        key: bytesOf(mutation, 1)[0] ?? NONE,
        value: bytesOf(value, 1)[0] ?? NONE,
        encoding: numberOf(value, 2),
        type: numberOf(mutation, 3),
        expiresAt: numberOf(mutation, 4),
      };
    }),
  };
}

export function writeSnapshotReadOutput(
  ranges: readonly Row[][],
  { strong = true, disabled = false } = {},
): Uint8Array<ArrayBuffer> {
  return encode([
    ...ranges.map((rows): Field => [
      1,
      encode(rows.map((row) => [
        1,
        encode([
          [1, row.key],
          [2, row.value],
          [3, row.encoding],
          [4, row.versionstamp],
        ]),
      ])),
    ]),
    [2, Number(disabled)],
    [4, Number(strong)],
    [8, disabled ? 2 : 1],
  ]);
}

export function writeAtomicWriteOutput(
  versionstamp: Uint8Array | undefined,
): Uint8Array<ArrayBuffer> {
  return encode(versionstamp ? [[1, 1], [2, versionstamp]] : [[1, 2], [4, 0]]);
}

/** Bytes in order. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const differs = a.findIndex((byte, i) => byte !== b[i]);
  if (differs < 0) return a.length - b.length;
  return differs < b.length ? a[differs] - b[differs] : 1;
}

export function inRange(
  { start, end, limit, reverse }: ReadRange,
  rows: Row[],
) {
  const within = rows.filter(({ key }) =>
    compare(key, start) >= 0 && compare(key, end) < 0
  );
  return (reverse ? within.reverse() : within).slice(0, limit);
}
