/**
 * The part of Deno KV that the server needs, so that anything that speaks it
 * will do: `Deno.Kv` as it is, or KV Connect from other runtimes.
 *
 * @module
 */

import { parseJson } from "../json/parse_json.ts";

/** One part of a key; `symbol` stands in Deno's type, and is never used here. */
export type KvKeyPart =
  | Uint8Array
  | string
  | number
  | bigint
  | boolean
  | symbol;

/** A key: parts in order. */
export type KvKey = readonly KvKeyPart[];

/** What stands at a key; both are `null` where nothing does. */
export interface KvEntry {
  /** The key. */
  readonly key: KvKey;
  /** The value; this module writes `Uint8Array`s of UTF-8 JSON. */
  readonly value: unknown;
  /** Changes with every write to the key. */
  readonly versionstamp: string | null;
}

/** Several writes that happen together or not at all. */
export interface KvAtomic {
  /** Lets the commit happen only while the key stands as it was read. */
  check(
    ...checks: { key: KvKey; versionstamp: string | null }[]
  ): KvAtomic;
  /** Sets a key; `expireIn` is in milliseconds. */
  set(key: KvKey, value: unknown, options?: { expireIn?: number }): KvAtomic;
  /** Deletes a key. */
  delete(key: KvKey): KvAtomic;
  /** Commits; `ok: false` where a check did not hold. */
  commit(): Promise<{ ok: true; versionstamp: string } | { ok: false }>;
}

/** What part of the key space to list, in order of key. */
export type KvSelector =
  | { prefix: KvKey }
  | { prefix: KvKey; start: KvKey }
  | { prefix: KvKey; end: KvKey }
  | { start: KvKey; end: KvKey };

/**
 * A key-value store that speaks Deno KV's API, in part.
 *
 * What a server relies on, and `kvContract` of `./testing` holds a store to:
 *
 * - Keys sort part by part as Deno KV's do; those that the server writes are of
 *   strings and numbers, in at most 2,048 bytes. Values are `Uint8Array`s of at
 *   most 65,536 bytes.
 * - A read sees every commit that was answered before it began, by whichever
 *   process. A list may see a commit that happens meanwhile, or not.
 * - A commit happens whole or not at all, as if no other happened beside it. It
 *   has up to 10 checks and 500 writes, in up to 800,000 bytes.
 * - What was committed stays. What was set with `expireIn` may stay longer.
 * - An error means that a read told nothing, and that a commit may have happened
 *   or not. With `transient: false` the server does not try again.
 */
export interface KvLike {
  /** Reads a key. */
  get(key: KvKey): Promise<KvEntry>;
  /** Reads up to ten keys. */
  getMany(keys: readonly KvKey[]): Promise<KvEntry[]>;
  /** Lists a range of keys. */
  list(
    selector: KvSelector,
    options?: { limit?: number; reverse?: boolean },
  ): AsyncIterable<KvEntry>;
  /** Starts an atomic operation. */
  atomic(): KvAtomic;
  /** Streams what stands at the keys, whenever it changes. */
  watch?(keys: readonly KvKey[]): ReadableStream<unknown>;
  /**
   * Whether `watch` is used of a store that is not `Deno.Kv`. Without, keys are
   * read again and again instead: `npm:@deno/kv` has a `watch` that freezes Node.
   */
  readonly watchIsSafe?: boolean;
  /** Closes the store. */
  close?(): void;
}

/** Whether a store is Deno's own, in this process. */
export function isDenoKv(kv: KvLike): boolean {
  const { Deno } = globalThis as { Deno?: { Kv?: new () => unknown } };
  return Deno?.Kv !== undefined && kv instanceof Deno.Kv;
}

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** JSON bytes of a value, as every value is kept. */
export function toBytes(value: unknown): Uint8Array<ArrayBuffer> {
  return utf8.encode(JSON.stringify(value));
}

/**
 * The value that {@linkcode toBytes} wrote.
 *
 * @throws {TypeError} If something else wrote there.
 */
export function fromBytes(value: unknown): unknown {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError("Cannot read a KV value that is not JSON bytes");
  }
  return parseJson(text.decode(value));
}
