/**
 * HMAC-SHA-256 ({@link https://www.rfc-editor.org/rfc/rfc2104 | RFC 2104}) and
 * HKDF ({@link https://www.rfc-editor.org/rfc/rfc5869 | RFC 5869}) on WebCrypto.
 *
 * Keys are non-extractable and imported once by whoever holds them: on Deno a
 * call into `crypto.subtle` costs a thread hop, so calls are what is counted.
 *
 * @module
 */

/** A shared secret: bytes, or text that is taken as UTF-8. */
export type Secret = string | Uint8Array;

/** Fewest bytes that a secret may have: the key size that SHA-256 deserves. */
export const MIN_SECRET_BYTES = 32;

const HMAC = { name: "HMAC", hash: "SHA-256", length: 256 };
const utf8 = new TextEncoder();

/**
 * Turns a secret into bytes.
 *
 * @param name What the refusal calls it: the option, never a value.
 * @throws {TypeError} If it is none, or a text with white space at an end.
 * @throws {RangeError} If it is shorter than 32 bytes and `allowShort` is not set.
 */
export function secretBytes(
  secret: Secret,
  name: string,
  allowShort = false,
): Uint8Array<ArrayBuffer> {
  if (typeof secret !== "string" && !(secret instanceof Uint8Array)) {
    throw new TypeError(`${name} is neither a text nor bytes`);
  }
  // Some readers of files and variables trim, and some do not: no MAC would match.
  const text = typeof secret === "string" ? secret : printed(secret);
  if (text !== text.trim()) {
    throw new TypeError(
      `${name} has white space at an end, perhaps a line feed: take it off`,
    );
  }
  // The copy is ours: a caller may wipe theirs.
  const bytes = typeof secret === "string"
    ? utf8.encode(secret)
    : new Uint8Array(secret);
  const least = allowShort ? 1 : MIN_SECRET_BYTES;
  if (bytes.length < least) {
    throw new RangeError(
      `${name} has ${bytes.length} bytes, fewer than ${least}: ` +
        "make one with `openssl rand -hex 32`",
    );
  }
  return bytes;
}

/** Bytes that are a text beyond doubt, as that; any others as nothing. */
function printed(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  return /^[\s!-~]*$/.test(text) ? text : "";
}

/** Imports a secret as a non-extractable HMAC-SHA-256 key. */
export function importKey(secret: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey(
    "raw",
    secret,
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign", "verify"],
  );
}

/** Derives a 32-byte HMAC key with HKDF-SHA-256: empty salt, `info` as UTF-8. */
export async function deriveKey(
  secret: Uint8Array<ArrayBuffer>,
  info: string,
): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, [
    "deriveKey",
  ]);
  return await crypto.subtle.deriveKey(
    {
      name: "HKDF",
      hash: "SHA-256",
      salt: new Uint8Array(),
      info: utf8.encode(info),
    },
    base,
    HMAC,
    false,
    ["sign", "verify"],
  );
}

/** Signs a text; 64 lower-case hex digits. */
export async function sign(key: CryptoKey, text: string): Promise<string> {
  return toHex(await crypto.subtle.sign("HMAC", key, utf8.encode(text)));
}

/**
 * Verifies a text's signature.
 *
 * The comparison is `crypto.subtle.verify`'s own, which takes constant time.
 *
 * @param signature 64 lower-case hex digits; anything else does not verify.
 */
export function verify(
  key: CryptoKey,
  signature: string,
  text: string,
): Promise<boolean> {
  return crypto.subtle.verify(
    "HMAC",
    key,
    fromHex(signature),
    utf8.encode(text),
  );
}

const HEX = /* @__PURE__ */ Array.from(
  { length: 256 },
  (_, byte) => byte.toString(16).padStart(2, "0"),
);

/** Node 20 and 22 have no `Uint8Array.prototype.toHex`. */
function toHex(buffer: ArrayBuffer): string {
  let text = "";
  for (const byte of new Uint8Array(buffer)) text += HEX[byte];
  return text;
}

/** Reads 64 lower-case hex digits; anything else comes back empty. */
function fromHex(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[0-9a-f]{64}$/.test(text)) return new Uint8Array();
  const bytes = new Uint8Array(32);
  for (let i = 0; i < 32; i++) {
    bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}
