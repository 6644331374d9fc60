/**
 * What the checks of a KV write and read with.
 *
 * @module
 */

import type { KvEntry, KvKey, KvLike } from "../kv/kv.ts";
import { assert } from "./expect.ts";

const utf8 = new TextEncoder();

export const bytes = (text: string): Uint8Array => utf8.encode(text);

export async function set(
  kv: KvLike,
  key: KvKey,
  value: Uint8Array,
): Promise<{ ok: true; versionstamp: string }> {
  const result = await kv.atomic().set(key, value).commit();
  assert(result.ok);
  return result;
}

export async function fill(
  kv: KvLike,
  at: string,
  size: number,
): Promise<void> {
  const atomic = kv.atomic();
  for (let i = 0; i < size; i++) atomic.set([at, i], bytes(String(i)));
  assert((await atomic.commit()).ok);
}

export async function all(list: AsyncIterable<KvEntry>): Promise<KvEntry[]> {
  const entries: KvEntry[] = [];
  for await (const entry of list) entries.push(entry);
  return entries;
}

export async function numbers(
  list: AsyncIterable<KvEntry>,
): Promise<unknown[]> {
  return (await all(list)).map(({ key }) => key.at(-1));
}

export function count(from: number, until: number): number[] {
  return Array.from({ length: until - from }, (_, i) => from + i);
}
