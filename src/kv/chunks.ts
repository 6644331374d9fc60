/**
 * Values of any size, in a store whose entries end at 64 KiB.
 *
 * A small value stands in the record that owns it. A larger one is cut into
 * chunks, written first and then named by the record, so that a reader never
 * sees half of it; chunks that no record came to name go with their job.
 *
 * @module
 */

import { platformTiming } from "../timing.ts";
import { concat } from "../bytes.ts";
import { CountersignError } from "../errors.ts";
import { commit, type Patience, persist } from "./commit.ts";
import { fromBytes, type KvKey, type KvLike, toBytes } from "./kv.ts";

/** A value in its record, or where its chunks are. */
export type StoredValue =
  | { readonly value?: unknown }
  | { readonly chunks: number; readonly at: string };

/** Largest JSON, in bytes, that stands in its record. */
export const INLINE_BYTES = 16_384;

const CHUNK_BYTES = 60_000;
/** A commit may hold 819,200 bytes. */
const CHUNKS_A_COMMIT = 12;
/** Keys that `getMany` takes. */
const KEYS_A_READ = 10;

/** How a value is kept that is too large for its record. */
export interface ChunkOptions {
  /** Called before the first chunk is written. */
  readonly announce?: () => Promise<void>;
  /** Names its chunks: what is written again under one name is the same value. */
  readonly name?: string | undefined;
}

/**
 * Keeps a value under `prefix`, writing only what is too large for its record.
 *
 * @throws {CountersignError} `result_too_large`
 */
export async function storeValue(
  kv: KvLike,
  prefix: KvKey,
  value: unknown,
  maxBytes: number,
  timing: Patience = platformTiming,
  { announce, name = timing.uuid() }: ChunkOptions = {},
): Promise<StoredValue> {
  if (value === undefined) return {};
  const bytes = toBytes(value);
  if (bytes.length <= INLINE_BYTES) return { value };
  if (bytes.length > maxBytes) {
    throw new CountersignError(
      "result_too_large",
      `The value has ${bytes.length} bytes of JSON, more than ${maxBytes}`,
    );
  }
  await announce?.();
  const at = name;
  const chunks = Math.ceil(bytes.length / CHUNK_BYTES);
  for (let from = 0; from < chunks; from += CHUNKS_A_COMMIT) {
    const until = Math.min(chunks, from + CHUNKS_A_COMMIT);
    const first = [...prefix, at, from];
    await commit(
      () => {
        const atomic = kv.atomic().check({ key: first, versionstamp: null });
        for (let i = from; i < until; i++) {
          const chunk = bytes.slice(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES);
          atomic.set([...prefix, at, i], chunk);
        }
        return atomic;
      },
      async () => (await kv.get(first)).versionstamp ?? undefined,
      false,
      timing,
    );
  }
  return { chunks, at };
}

/** Reads a value that {@linkcode storeValue} kept under `prefix`. */
export async function readValue(
  kv: KvLike,
  prefix: KvKey,
  kept: StoredValue,
  timing: Patience = platformTiming,
): Promise<unknown> {
  if (!("chunks" in kept)) return kept.value;
  const parts: Uint8Array[] = [];
  for (let from = 0; from < kept.chunks; from += KEYS_A_READ) {
    const count = Math.min(KEYS_A_READ, kept.chunks - from);
    const keys = Array.from(
      { length: count },
      (_, i) => [...prefix, kept.at, from + i],
    );
    for (const { value } of await persist(() => kv.getMany(keys), timing)) {
      if (!(value instanceof Uint8Array)) {
        throw new CountersignError("unavailable", "A stored value is gone");
      }
      parts.push(value);
    }
  }
  return fromBytes(concat(parts));
}
