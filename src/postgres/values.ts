/**
 * Bytes and versions, as they go to PostgreSQL and come back.
 *
 * The driver cannot send arrays of `bytea` to a server whose types it has not
 * asked for, so bytes travel as text, in hexadecimal.
 *
 * @module
 */

const HEX = Array.from(
  { length: 256 },
  (_, byte) => byte.toString(16).padStart(2, "0"),
);

/** A `bytea` as text. */
export function toBytea(bytes: Uint8Array): string {
  // `toHex` is not in Node before 25.
  const { toHex } = bytes as { toHex?: () => string };
  if (toHex) return `\\x${toHex.call(bytes)}`;
  let text = "\\x";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** An array of `bytea`s as text. */
export function toByteaArray(items: readonly string[]): string {
  return `{${items.map((item) => `"\\${item}"`).join(",")}}`;
}

/** An array of integers as text. */
export function toIntegerArray(
  items: readonly (string | number | null)[],
): string {
  return `{${items.map((item) => item ?? "null").join(",")}}`;
}

/** The reader's own bytes; the driver's are a view into a buffer that it shares. */
export function fromBytea(value: unknown): Uint8Array<ArrayBuffer> {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  throw new TypeError("Cannot read bytes: the client parses bytea otherwise");
}

/** A version as Deno KV writes it; it sorts as the number does. */
export function toVersionstamp(version: unknown): string {
  return BigInt(String(version)).toString(16).padStart(20, "0");
}

/**
 * The version of a versionstamp.
 *
 * @throws {TypeError} If it is none.
 */
export function toVersion(versionstamp: string): string {
  if (!/^[0-9a-f]{20}$/.test(versionstamp)) {
    throw new TypeError(`"${versionstamp}" is no versionstamp`);
  }
  const version = BigInt(`0x${versionstamp}`);
  return version < 2n ** 63n ? String(version) : "-1"; // never given here
}
