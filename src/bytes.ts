/**
 * Bytes that came in pieces.
 *
 * @module
 */

/** Joins pieces into one array. */
export function concat(
  pieces: readonly (Uint8Array | readonly number[])[],
): Uint8Array<ArrayBuffer> {
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
