/** Stand-in for `@std/crypto/timing-safe-equal`: like 1.1.0 of the real one it throws where lengths differ. */
export function timingSafeEqual(
  a: ArrayBufferView | ArrayBufferLike,
  b: ArrayBufferView | ArrayBufferLike,
): boolean {
  const [x, y] = [bytes(a), bytes(b)];
  if (x.length !== y.length) throw new TypeError("Byte lengths differ");
  return x.reduce((diff, byte, i) => diff | (byte ^ y[i]), 0) === 0;
}

function bytes(buffer: ArrayBufferView | ArrayBufferLike): Uint8Array {
  return ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
}
