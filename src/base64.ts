/**
 * Base64, for a few bytes at a time: Node 20 has no `toBase64`.
 *
 * @module
 */

/** Writes bytes. */
export function toBase64(bytes: ArrayBuffer | Uint8Array): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

/**
 * Reads bytes.
 *
 * @throws {DOMException} If the text is not base64.
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
