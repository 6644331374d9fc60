/**
 * Protocol Buffers, as far as KV Connect needs them: varints, bytes, messages.
 *
 * Not here: groups, fixed-width fields (they are skipped) and packed lists.
 *
 * @module
 */

import { concat } from "../bytes.ts";

/** A field to write: its number and a varint, or bytes (a message is bytes too). */
export type Field = readonly [number, number | Uint8Array];

/** What was read: the values of each field, in the order they came. */
export type ProtobufMessage = ReadonlyMap<
  number,
  readonly (number | Uint8Array)[]
>;

/** Wire types, {@link https://protobuf.dev/programming-guides/encoding/#structure}. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Writes a message; a varint of 0 is left out, as proto3 has it. */
export function encode(fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  const pieces: (Uint8Array | number[])[] = [];
  for (const [number, value] of fields) {
    if (value === 0) continue;
    if (typeof value === "number") {
      pieces.push([
        ...encodeVarint(number * 8 + VARINT),
        ...encodeVarint(value),
      ]);
    } else {
      pieces.push(
        [...encodeVarint(number * 8 + BYTES), ...encodeVarint(value.length)],
        value,
      );
    }
  }
  return concat(pieces);
}

/** Numbers beyond 32 bits occur (times), so no bit operators. */
function encodeVarint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) {
    bytes.push(value % 128 + 128);
  }
  return [...bytes, value];
}

/**
 * Reads a message, in time proportional to its bytes.
 *
 * @throws {TypeError} If the bytes are none.
 */
export function decode(bytes: Uint8Array): ProtobufMessage {
  const message = new Map<number, (number | Uint8Array)[]>();
  let at = 0;

  function take(count: number): Uint8Array {
    if (at + count > bytes.length) {
      throw new TypeError("Cannot read a message that is cut short");
    }
    return bytes.subarray(at, at += count);
  }
  function takeVarint(): number {
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      if (at === bytes.length) take(1);
      const byte = bytes[at++];
      value += byte % 128 * scale;
      if (byte < 128) return value;
      if (scale > 2 ** 63) throw new TypeError("Cannot read a varint so long");
    }
  }

  while (at < bytes.length) {
    const tag = takeVarint();
    const type = tag % 8;
    const value = type === VARINT
      ? takeVarint()
      : type === BYTES
      ? take(takeVarint())
      : undefined;
    if (type === FIXED64) take(8);
    else if (type === FIXED32) take(4);
    else if (value === undefined) {
      throw new TypeError(`Cannot read a field of wire type ${type}`);
    } else {
      const number = Math.floor(tag / 8);
      const values = message.get(number);
      if (values) values.push(value);
      else message.set(number, [value]);
    }
  }
  return message;
}

/** A varint field's value; 0 where it was left out. */
export function numberOf(message: ProtobufMessage, field: number): number {
  const value = message.get(field)?.at(-1) ?? 0;
  if (typeof value === "number") return value;
  throw new TypeError(`Cannot read field ${field} as a number`);
}

/** A bytes field's values, in order. */
export function bytesOf(message: ProtobufMessage, field: number): Uint8Array[] {
  return (message.get(field) ?? []).map((value) => {
    if (typeof value !== "number") return value;
    throw new TypeError(`Cannot read field ${field} as bytes`);
  });
}
