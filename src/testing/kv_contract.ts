/**
 * What every KV does that a server may be given: reads, commits, expiry.
 *
 * A check throws where the store does otherwise; each has a key space of its
 * own, so that all may run on one store, side by side.
 *
 * @module
 */

import type { KvKey, KvLike } from "../kv/kv.ts";
import { assert, assertEquals, assertRejects } from "./expect.ts";
import { listChecks } from "./list_contract.ts";
import { all, bytes, count, set } from "./samples.ts";

/**
 * Checks a store; it throws where the store does otherwise.
 *
 * @param at A first part of keys that nothing else has.
 */
export type KvCheck = (kv: KvLike, at: string) => Promise<void>;

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

const checks: Record<string, KvCheck> = {
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

  async "a key may be given an expiry, and stands until then"(kv, at) {
    const result = await kv.atomic()
      .set([at], bytes("1"), { expireIn: 3_600_000 }).commit();
    assert(result.ok);
    assertEquals((await kv.get([at])).value, bytes("1"));
  },
};

/** What a KV does, as sentences, each with its check. */
export const kvContract: Readonly<Record<string, KvCheck>> = {
  ...checks,
  ...listChecks,
};
