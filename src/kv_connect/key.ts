/**
 * Keys as bytes that sort like the keys: FoundationDB's tuple encoding.
 *
 * {@link https://github.com/apple/foundationdb/blob/main/design/tuple.md}; of
 * its types Deno KV has these, in this order.
 *
 * @module
 */

import type { KvKey, KvKeyPart } from "../kv/kv.ts";

const BYTES = 0x01;
const STRING = 0x02;
/** Integers of up to 8 bytes: this, more or less as many as they have bytes. */
const ZERO = 0x14;
/** Integers of more bytes; one byte says how many. */
const LONG_NEGATIVE = 0x0b;
const LONG_POSITIVE = 0x1d;
const DOUBLE = 0x21;
const FALSE = 0x26;
const TRUE = 0x27;

/** Longest key that Deno KV takes, in bytes. */
export const MAX_KEY_BYTES = 2048;

const utf8 = new TextEncoder();
const text = new TextDecoder();

/**
 * Encodes a key.
 *
 * @throws {TypeError} If a part has no type of key parts, or the key is too long.
 */
export function packKey(key: KvKey): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(key.flatMap(packPart));
  if (bytes.length <= MAX_KEY_BYTES) return bytes;
  throw new TypeError(
    `A key has ${bytes.length} bytes, more than ${MAX_KEY_BYTES}`,
  );
}

/** The first key after a packed one. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** Which of two packed keys comes first: below 0, the one that is named first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

function packPart(part: KvKeyPart): number[] {
  if (part instanceof Uint8Array) return [BYTES, ...escapeZeros(part)];
  switch (typeof part) {
    case "string":
      return [STRING, ...escapeZeros(utf8.encode(part))];
    case "number":
      return [DOUBLE, ...packDouble(part)];
    case "bigint":
      return packInteger(part);
    case "boolean":
      return [part ? TRUE : FALSE];
  }
  throw new TypeError(
    `A part of a key cannot be ${part === null ? part : typeof part}`,
  );
}

/** A 0 is the end; one in the data is followed by 255. */
function escapeZeros(bytes: Uint8Array): number[] {
  const out: number[] = [];
  for (const byte of bytes) byte === 0 ? out.push(0, 255) : out.push(byte);
  return [...out, 0];
}

/** The sign bit turned over; of negative numbers all bits, so that they sort. */
function packDouble(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  const mask = bytes[0] & 128 ? 255 : 0;
  return bytes.map((byte, i) => byte ^ (i === 0 ? mask | 128 : mask));
}

function unpackDouble(packed: Uint8Array): number {
  const mask = packed[0] & 128 ? 0 : 255;
  const bytes = packed.map((byte, i) => byte ^ (i === 0 ? mask | 128 : mask));
  return new DataView(bytes.buffer).getFloat64(0);
}

/** Magnitude, big-endian; of negative numbers all bits turned over. */
function packInteger(value: bigint): number[] {
  const negative = value < 0n;
  const bytes: number[] = [];
  for (let rest = negative ? -value : value; rest > 0n; rest >>= 8n) {
    bytes.unshift(Number(rest & 255n) ^ (negative ? 255 : 0));
  }
  const count = bytes.length;
  if (count <= 8) return [ZERO + (negative ? -count : count), ...bytes];
  if (count > 255) {
    throw new TypeError(`A bigint of ${count} bytes is too long`);
  }
  return negative
    ? [LONG_NEGATIVE, count ^ 255, ...bytes]
    : [LONG_POSITIVE, count, ...bytes];
}

/**
 * Decodes a key.
 *
 * @throws {TypeError} If the bytes are none.
 */
export function unpackKey(bytes: Uint8Array): KvKeyPart[] {
  const key: KvKeyPart[] = [];
  let at = 0;

  function take(): number {
    if (at < bytes.length) return bytes[at++];
    throw new TypeError("Cannot read a key that is cut short");
  }
  function takeEscaped(): Uint8Array<ArrayBuffer> {
    const out: number[] = [];
    for (let byte = take(); byte !== 0 || bytes[at] === 255; byte = take()) {
      if (byte === 0) at++;
      out.push(byte);
    }
    return Uint8Array.from(out);
  }
  function takeInteger(tag: number): bigint {
    const mask = tag < ZERO ? 255 : 0;
    const long = tag === LONG_NEGATIVE || tag === LONG_POSITIVE;
    let value = 0n;
    for (let left = long ? take() ^ mask : Math.abs(tag - ZERO); left; left--) {
      value = value << 8n | BigInt(take() ^ mask);
    }
    return mask ? -value : value;
  }

  while (at < bytes.length) {
    const tag = take();
    if (tag === BYTES) key.push(takeEscaped());
    else if (tag === STRING) key.push(text.decode(takeEscaped()));
    else if (tag === DOUBLE) {
      key.push(unpackDouble(Uint8Array.from({ length: 8 }, take)));
    } else if (tag === FALSE || tag === TRUE) key.push(tag === TRUE);
    else if (tag >= LONG_NEGATIVE && tag <= LONG_POSITIVE) {
      key.push(takeInteger(tag));
    } else throw new TypeError(`Cannot read a key's part of type ${tag}`);
  }
  return key;
}
