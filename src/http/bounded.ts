/**
 * Reads a stream of bytes no further than it may go, and no longer.
 *
 * Chunks are copied and let go. Kept, each would hold the buffer that it is a
 * view of: 64 KiB a chunk under `Deno.serve`, though it had one byte.
 *
 * @module
 */

import { platformTimer } from "../waiting.ts";

/** Takes bytes that come in pieces. */
export interface GrowingBytes {
  /** Appends a copy of a piece; `false`, and nothing taken, if it would be too much. */
  push(piece: Uint8Array): boolean;
  /** All that was taken. */
  bytes(): Uint8Array<ArrayBuffer>;
}

const FIRST_BYTES = 4096;

/** Makes one buffer that doubles as it fills, up to `limit` bytes. */
export function growingBytes(limit: number): GrowingBytes {
  let buffer = new Uint8Array(Math.min(FIRST_BYTES, limit));
  let length = 0;
  return {
    push(piece) {
      const needed = length + piece.length;
      if (needed > limit) return false;
      if (needed > buffer.length) {
        const grown = new Uint8Array(
          Math.min(limit, Math.max(needed, buffer.length * 2)),
        );
        grown.set(buffer.subarray(0, length));
        buffer = grown;
      }
      buffer.set(piece, length);
      length = needed;
      return true;
    },
    bytes: () => buffer.subarray(0, length),
  };
}

/** How far, and for how long, a stream is read. */
export interface ReadLimits {
  /** Most bytes to take. */
  readonly limit: number;
  /** Milliseconds that all of it may take. Without, as long as it likes. */
  readonly timeoutMs?: number | undefined;
  /** Ends the reading, whatever the stream does. */
  readonly signal?: AbortSignal | undefined;
}

/** What a stream came to: its bytes, or why it was left. */
export type Bounded =
  | { readonly kind: "read"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "too large" | "too slow" }
  | { readonly kind: "broken"; readonly cause: unknown };

/** Reads a stream to its end; one that is left is cancelled. Never throws. */
export async function readBounded(
  stream: ReadableStream<Uint8Array> | null,
  { limit, timeoutMs, signal }: ReadLimits,
): Promise<Bounded> {
  const taken = growingBytes(limit);
  if (stream === null) return { kind: "read", bytes: taken.bytes() };
  const reader = stream.getReader();
  let isLate = false;
  // A read that waits ends with it.
  const leave = () => void reader.cancel().catch(() => {});
  const callOff = timeoutMs === undefined
    ? undefined
    : platformTimer.after(timeoutMs, () => {
      isLate = true;
      leave();
    });
  signal?.addEventListener("abort", leave);
  if (signal?.aborted) leave();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (isLate) return { kind: "too slow" };
      if (signal?.aborted) return { kind: "broken", cause: signal.reason };
      if (done) return { kind: "read", bytes: taken.bytes() };
      if (taken.push(value)) continue;
      leave();
      return { kind: "too large" };
    }
  } catch (cause) {
    return isLate ? { kind: "too slow" } : { kind: "broken", cause };
  } finally {
    callOff?.();
    signal?.removeEventListener("abort", leave);
  }
}
