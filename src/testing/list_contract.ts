/**
 * How a KV lists ranges of keys.
 *
 * @module
 */

import type { KvEntry, KvLike, KvSelector } from "../kv/kv.ts";
import { assertEquals } from "./expect.ts";
import { all, bytes, count, fill, numbers, set } from "./samples.ts";

/** A store that lists in batches, and goes on from a cursor. */
export interface CursorKv extends KvLike {
  list(
    selector: KvSelector,
    options?: {
      limit?: number;
      reverse?: boolean;
      cursor?: string;
      batchSize?: number;
    },
  ): AsyncIterable<KvEntry> & { readonly cursor: string };
}

type Check = (kv: CursorKv, at: string) => Promise<void>;

/** What every store does; it may leave `batchSize` aside. */
export const listChecks: Record<
  string,
  (kv: KvLike, at: string) => Promise<void>
> = {
  async "a prefix lists what is under it, not the key itself"(kv, at) {
    await set(kv, [at], bytes("itself"));
    await set(kv, [at, 1], bytes("under"));
    await set(kv, [at, 1, 2], bytes("further under"));
    await set(kv, [`${at}1`, 1], bytes("beside"));
    const keys = (await all(kv.list({ prefix: [at] }))).map((
      { key },
    ) => [...key]);
    assertEquals(keys, [[at, 1], [at, 1, 2]]);
  },

  async "a prefix without keys lists nothing"(kv, at) {
    assertEquals(await all(kv.list({ prefix: [at, "none"] })), []);
  },

  async "a range lists from its start to before its end"(kv, at) {
    await fill(kv, at, 20);
    const range = kv.list({ start: [at, 5], end: [at, 9] });
    assertEquals(await numbers(range), [5, 6, 7, 8]);
  },

  async "a prefix with a start lists from there"(kv, at) {
    await fill(kv, at, 10);
    const range = kv.list({ prefix: [at], start: [at, 7] });
    assertEquals(await numbers(range), [7, 8, 9]);
  },

  async "a prefix with an end lists to before there"(kv, at) {
    await fill(kv, at, 10);
    const range = kv.list({ prefix: [at], end: [at, 3] });
    assertEquals(await numbers(range), [0, 1, 2]);
  },

  async "an empty range lists nothing"(kv, at) {
    await fill(kv, at, 3);
    assertEquals(await numbers(kv.list({ start: [at, 2], end: [at, 2] })), []);
  },

  async "a limit ends the list"(kv, at) {
    await fill(kv, at, 10);
    assertEquals(await numbers(kv.list({ prefix: [at] }, { limit: 3 })), [
      0,
      1,
      2,
    ]);
  },

  async "a limit beyond the end lists what there is"(kv, at) {
    await fill(kv, at, 3);
    assertEquals(await numbers(kv.list({ prefix: [at] }, { limit: 9 })), [
      0,
      1,
      2,
    ]);
  },

  async "a list may begin at its end"(kv, at) {
    await fill(kv, at, 10);
    const list = kv.list({ prefix: [at] }, { reverse: true, limit: 3 });
    assertEquals(await numbers(list), [9, 8, 7]);
  },

  async "a range begins at its end too"(kv, at) {
    await fill(kv, at, 10);
    const list = kv.list({ start: [at, 2], end: [at, 6] }, { reverse: true });
    assertEquals(await numbers(list), [5, 4, 3, 2]);
  },

  async "a long list comes in batches, without gap or double"(kv, at) {
    await fill(kv, at, 250);
    for (const batchSize of [7, 50, 125, 250, 500]) {
      const list = kv.list({ prefix: [at] }, inBatches(batchSize));
      assertEquals(await numbers(list), count(0, 250));
    }
    const reverse = kv.list({ prefix: [at] }, {
      reverse: true,
      ...inBatches(33),
    });
    assertEquals(await numbers(reverse), count(0, 250).reverse());
  },

  async "a limit counts across batches"(kv, at) {
    await fill(kv, at, 30);
    const list = kv.list({ prefix: [at] }, {
      limit: 25,
      ...inBatches(10),
    });
    assertEquals(await numbers(list), count(0, 25));
  },

  async "a list may be broken off"(kv, at) {
    await fill(kv, at, 10);
    for await (const { key } of kv.list({ prefix: [at] })) {
      if (key[1] === 2) break;
    }
    assertEquals((await kv.get([at, 2])).value, bytes("2"));
  },
};

/** What the server never asks for; `Deno.Kv` has it, and the stores of this package. */
export const cursorContract: Readonly<Record<string, Check>> = {
  async "a cursor goes on behind the last entry"(kv, at) {
    await fill(kv, at, 10);
    const first = kv.list({ prefix: [at] }, { limit: 4 });
    assertEquals(await numbers(first), [0, 1, 2, 3]);
    const { cursor } = first;
    const rest = kv.list({ prefix: [at] }, { cursor, limit: 3 });
    assertEquals(await numbers(rest), [4, 5, 6]);
  },

  async "a cursor goes on backwards"(kv, at) {
    await fill(kv, at, 10);
    const options = { reverse: true, limit: 4 };
    const first = kv.list({ prefix: [at] }, options);
    assertEquals(await numbers(first), [9, 8, 7, 6]);
    const rest = kv.list({ prefix: [at] }, {
      ...options,
      cursor: first.cursor,
    });
    assertEquals(await numbers(rest), [5, 4, 3, 2]);
  },

  async "a cursor goes on within a range"(kv, at) {
    await fill(kv, at, 300);
    const range = { start: [at, 10], end: [at, 299] };
    const first = kv.list(range, { limit: 2 });
    assertEquals(await numbers(first), [10, 11]);
    const rest = kv.list(range, { cursor: first.cursor, limit: 2 });
    assertEquals(await numbers(rest), [12, 13]);
  },

  async "a list that ran out has no cursor left"(kv, at) {
    await fill(kv, at, 3);
    const list = kv.list({ prefix: [at] });
    await all(list);
    assertEquals(list.cursor, "");
  },
};

/** Stores that list otherwise than in batches take no notice. */
function inBatches(batchSize: number): { limit?: number } {
  return { batchSize } as { limit?: number };
}
