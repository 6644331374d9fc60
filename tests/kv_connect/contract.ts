/** What a Deno KV does, whoever speaks to it: each check has a key space of its own. */
import { assert, assertEquals, assertRejects } from "../runtimes/expect.ts";
import type { KvEntry, KvKey, KvLike, KvSelector } from "../../src/kv/kv.ts";

/** The store as the checks use it: `Deno.Kv`, or what `connectKv` makes. */
export interface Store extends KvLike {
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

type Check = (kv: Store, at: string) => Promise<void>;

const utf8 = new TextEncoder();
const bytes = (text: string) => utf8.encode(text);

/** Every type of part, in the order that Deno KV sorts them. */
const SORTED: KvKey[number][] = [
  new Uint8Array(),
  new Uint8Array([0]),
  new Uint8Array([0, 255]),
  new Uint8Array([1]),
  new Uint8Array([255]),
  "",
  "\0",
  "\0\0",
  "a",
  "a\0b",
  "ab",
  "é",
  "日本",
  "🙂",
  -(2n ** 200n),
  -(2n ** 64n),
  -(2n ** 64n) + 1n,
  -256n,
  -255n,
  -1n,
  0n,
  1n,
  255n,
  256n,
  2n ** 64n - 1n,
  2n ** 64n,
  2n ** 200n,
  -Infinity,
  -Number.MAX_VALUE,
  -1.5,
  -1,
  -Number.MIN_VALUE,
  0,
  Number.MIN_VALUE,
  1,
  1.5,
  Date.UTC(2030, 0),
  Number.MAX_SAFE_INTEGER,
  Infinity,
  false,
  true,
];

export const checks: Record<string, Check> = {
  async "a key that was never set has neither value nor versionstamp"(kv, at) {
    const { key, value, versionstamp } = await kv.get([at, "nothing"]);
    assertEquals([...key], [at, "nothing"]);
    assertEquals([value, versionstamp], [null, null]);
  },

  async "what was set is read back, with the commit's versionstamp"(kv, at) {
    const { versionstamp } = await set(kv, [at, "a"], bytes('{"é":"日本"}'));
    const entry = await kv.get([at, "a"]);
    assertEquals(entry.value, bytes('{"é":"日本"}'));
    assertEquals(entry.versionstamp, versionstamp);
    assert(/^[0-9a-f]{20}$/.test(versionstamp), versionstamp);
  },

  async "an empty value is a value"(kv, at) {
    await set(kv, [at], new Uint8Array());
    assertEquals((await kv.get([at])).value, new Uint8Array());
  },

  async "every byte survives"(kv, at) {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    await set(kv, [at], all);
    assertEquals((await kv.get([at])).value, all);
  },

  async "a view into a larger buffer is written as what it shows"(kv, at) {
    await set(kv, [at], bytes("0123456789").subarray(3, 6));
    assertEquals((await kv.get([at])).value, bytes("345"));
  },

  async "a value is the reader's own"(kv, at) {
    await set(kv, [at], bytes("abc"));
    const { value } = await kv.get([at]);
    assert(value instanceof Uint8Array);
    assertEquals(value.byteOffset, 0);
    assertEquals(value.buffer.byteLength, 3);
  },

  async "65,536 bytes are a value, one more is not"(kv, at) {
    const largest = new Uint8Array(65_536).fill(7);
    await set(kv, [at], largest);
    assertEquals((await kv.get([at])).value, largest);
    const larger = async () => await set(kv, [at], new Uint8Array(65_537));
    await assertRejects(larger, TypeError);
    assertEquals((await kv.get([at])).value, largest);
  },

  async "a key over 2,048 bytes is refused"(kv, at) {
    const key = [at, "x".repeat(2049)];
    await assertRejects(async () => await set(kv, key, bytes("")), TypeError);
    await assertRejects(async () => await kv.get(key), TypeError);
  },

  async "a neighbour is not mistaken for the key"(kv, at) {
    await set(kv, [at, "a", "b"], bytes("1"));
    await set(kv, [at, "a\0"], bytes("2"));
    assertEquals((await kv.get([at, "a"])).versionstamp, null);
  },

  async "a set overwrites, with a later versionstamp"(kv, at) {
    const first = await set(kv, [at], bytes("1"));
    const second = await set(kv, [at], bytes("2"));
    assert(second.versionstamp > first.versionstamp);
    assertEquals((await kv.get([at])).value, bytes("2"));
  },

  async "what was deleted is gone"(kv, at) {
    await set(kv, [at], bytes("1"));
    assert((await kv.atomic().delete([at]).commit()).ok);
    assertEquals((await kv.get([at])).versionstamp, null);
  },

  async "deleting what is not there succeeds"(kv, at) {
    assert((await kv.atomic().delete([at]).commit()).ok);
  },

  async "one commit sets and deletes many keys, at one versionstamp"(kv, at) {
    await set(kv, [at, 0], bytes("old"));
    const atomic = kv.atomic().delete([at, 0]);
    for (let i = 1; i <= 100; i++) atomic.set([at, i], bytes(String(i)));
    const result = await atomic.commit();
    assert(result.ok);
    const entries = await all(kv.list({ prefix: [at] }));
    assertEquals(entries.map(({ key }) => key[1]), count(1, 101));
    for (const { versionstamp } of entries) {
      assertEquals(versionstamp, result.versionstamp);
    }
  },

  async "a check of the versionstamp that was read holds"(kv, at) {
    await set(kv, [at], bytes("1"));
    const { key, versionstamp } = await kv.get([at]);
    const atomic = kv.atomic().check({ key, versionstamp });
    assert((await atomic.set([at], bytes("2")).commit()).ok);
    assertEquals((await kv.get([at])).value, bytes("2"));
  },

  async "a check of an older versionstamp fails, and nothing is written"(
    kv,
    at,
  ) {
    const { versionstamp } = await set(kv, [at], bytes("1"));
    await set(kv, [at], bytes("2"));
    const result = await kv.atomic()
      .check({ key: [at], versionstamp })
      .set([at], bytes("3"))
      .set([at, "beside"], bytes("3"))
      .commit();
    assertEquals(result.ok, false);
    assertEquals((await kv.get([at])).value, bytes("2"));
    assertEquals((await kv.get([at, "beside"])).versionstamp, null);
  },

  async "a check for absence holds once"(kv, at) {
    const create = () =>
      kv.atomic().check({ key: [at], versionstamp: null })
        .set([at], bytes("1")).commit();
    assert((await create()).ok);
    assertEquals((await create()).ok, false);
  },

  async "a check for absence holds again after a delete"(kv, at) {
    await set(kv, [at], bytes("1"));
    await kv.atomic().delete([at]).commit();
    const result = await kv.atomic().check({ key: [at], versionstamp: null })
      .set([at], bytes("2")).commit();
    assert(result.ok);
  },

  async "one failing check of several fails them all"(kv, at) {
    const { versionstamp } = await set(kv, [at, 1], bytes("1"));
    const result = await kv.atomic()
      .check({ key: [at, 1], versionstamp }, {
        key: [at, 2],
        versionstamp: "00000000000000000001",
      })
      .set([at, 1], bytes("2"))
      .commit();
    assertEquals(result.ok, false);
    assertEquals((await kv.get([at, 1])).value, bytes("1"));
  },

  async "ten checks go into a commit"(kv, at) {
    const atomic = kv.atomic();
    for (let i = 0; i < 10; i++) {
      atomic.check({ key: [at, i], versionstamp: null });
      atomic.set([at, i], bytes(""));
    }
    assert((await atomic.commit()).ok);
  },

  async "of two commits that check the same state one wins"(kv, at) {
    const { versionstamp } = await set(kv, [at], bytes("0"));
    const results = await Promise.all(
      count(0, 8).map((i) =>
        kv.atomic().check({ key: [at], versionstamp })
          .set([at], bytes(String(i))).commit()
      ),
    );
    assertEquals(results.filter(({ ok }) => ok).length, 1);
    const winner = results.findIndex(({ ok }) => ok);
    assertEquals((await kv.get([at])).value, bytes(String(winner)));
  },

  async "many keys are read at once, in the order they were asked for"(kv, at) {
    await set(kv, [at, "a"], bytes("1"));
    await set(kv, [at, "c"], bytes("3"));
    const keys = [[at, "c"], [at, "b"], [at, "a"], [at, "c"]];
    const entries = await kv.getMany(keys);
    assertEquals(entries.map(({ key }) => [...key]), keys);
    assertEquals(
      entries.map(({ value }) => value),
      [bytes("3"), null, bytes("1"), bytes("3")],
    );
  },

  async "more than ten keys at once are refused"(kv, at) {
    const keys = count(0, 11).map((i) => [at, i]);
    await assertRejects(async () => await kv.getMany(keys), TypeError);
  },

  async "keys of every type are read back as they were set"(kv, at) {
    for (const part of SORTED) {
      await set(kv, [at, part, "end"], bytes(String(part)));
    }
    for (const part of SORTED) {
      const { key, value } = await kv.get([at, part, "end"]);
      assertEquals([...key], [at, part, "end"]);
      assertEquals(value, bytes(String(part)));
    }
  },

  async "keys of every type are listed in order"(kv, at) {
    const atomic = kv.atomic();
    for (const part of [...SORTED].reverse()) atomic.set([at, part], bytes(""));
    await atomic.commit();
    const entries = await all(kv.list({ prefix: [at] }));
    assertEquals(entries.map(({ key }) => key[1]), SORTED);
  },

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
      const list = kv.list({ prefix: [at] }, { batchSize });
      assertEquals(await numbers(list), count(0, 250));
    }
    const reverse = kv.list({ prefix: [at] }, { reverse: true, batchSize: 33 });
    assertEquals(await numbers(reverse), count(0, 250).reverse());
  },

  async "a limit counts across batches"(kv, at) {
    await fill(kv, at, 30);
    const list = kv.list({ prefix: [at] }, { limit: 25, batchSize: 10 });
    assertEquals(await numbers(list), count(0, 25));
  },

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

  async "a list may be broken off"(kv, at) {
    await fill(kv, at, 10);
    for await (const { key } of kv.list({ prefix: [at] })) {
      if (key[1] === 2) break;
    }
    assertEquals((await kv.get([at, 2])).value, bytes("2"));
  },

  async "a key may be given an expiry, and stands until then"(kv, at) {
    const result = await kv.atomic()
      .set([at], bytes("1"), { expireIn: 3_600_000 }).commit();
    assert(result.ok);
    assertEquals((await kv.get([at])).value, bytes("1"));
  },
};

async function set(kv: KvLike, key: KvKey, value: Uint8Array) {
  const result = await kv.atomic().set(key, value).commit();
  assert(result.ok);
  return result;
}

async function fill(kv: KvLike, at: string, size: number): Promise<void> {
  const atomic = kv.atomic();
  for (let i = 0; i < size; i++) atomic.set([at, i], bytes(String(i)));
  assert((await atomic.commit()).ok);
}

async function all(list: AsyncIterable<KvEntry>): Promise<KvEntry[]> {
  const entries: KvEntry[] = [];
  for await (const entry of list) entries.push(entry);
  return entries;
}

async function numbers(list: AsyncIterable<KvEntry>) {
  return (await all(list)).map(({ key }) => key.at(-1));
}

function count(from: number, until: number): number[] {
  return Array.from({ length: until - from }, (_, i) => from + i);
}
