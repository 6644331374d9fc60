/** The contracts of a KV and of a store of jobs, held by a file of SQLite. */
import process from "node:process";
import { sqliteKv } from "../../src/node/mod.ts";
import { kvContract } from "../../src/testing/kv_contract.ts";
import { cursorContract } from "../../src/testing/list_contract.ts";
import {
  assert,
  assertEquals,
  assertRejects,
} from "../../src/testing/expect.ts";
import { jobContract } from "../../src/testing/job_contract.ts";

const bytes = new Uint8Array(1);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

type Case = (path: string) => Promise<void>;

const own: Record<string, Case> = {
  async "what one has written another reads from the file, and checks hold across them"(
    path,
  ) {
    const [one, two] = [await sqliteKv({ path }), await sqliteKv({ path })];
    const won = await Promise.all(
      Array.from({ length: 64 }, async (_, i) => {
        for (let tries = 0;; tries++) {
          const commit = [one, two][i % 2].atomic()
            .check({ key: ["one"], versionstamp: null }).set(["one"], bytes)
            .commit();
          try {
            return (await commit).ok;
          } catch (error) {
            if (tries > 50) throw error; // locked, by the other
            await pause(5);
          }
        }
      }),
    );
    assertEquals(won.filter((ok) => ok).length, 1);
    one.close();
    two.close();
    const again = await sqliteKv({ path });
    assert((await again.get(["one"])).versionstamp);
    again.close();
  },

  async "what has expired is not there, and goes with a later commit"(path) {
    const kv = await sqliteKv({ path });
    await kv.atomic().set(["goes"], bytes, { expireIn: 20 }).commit();
    assert((await kv.get(["goes"])).versionstamp);
    await pause(50);
    assertEquals((await kv.get(["goes"])).versionstamp, null);
    const set = kv.atomic().check({ key: ["goes"], versionstamp: null });
    assert((await set.set(["goes"], bytes).commit()).ok);
    kv.close();
  },

  async "a store that was closed refuses"(path) {
    const kv = await sqliteKv({ path });
    kv.close();
    kv.close();
    const error = await assertRejects(() => kv.get(["a"]), Error, "closed");
    assertEquals(error.name, "BadResource");
    await assertRejects(() => kv.atomic().set(["a"], bytes).commit());
  },
};

const kvCases = Object.entries({ ...kvContract, ...cursorContract }).map((
  [name, check],
): [string, Case] => [
  name,
  async (path) => {
    const kv = await sqliteKv({ path });
    await check(kv, "a");
    kv.close();
  },
]);
const jobCases = Object.entries(jobContract).map((
  [name, check],
): [string, Case] => [
  name,
  async (path) => {
    const kv = await sqliteKv({ path });
    await check(kv);
    kv.close();
  },
]);

export const cases: [string, Case][] = [
  ...Object.entries(own),
  ...kvCases,
  ...jobCases,
];

/** Runs every case on a file in a folder, and prints what passed and what failed. */
export async function run(): Promise<void> {
  const folder = process.argv[2];
  const passed: string[] = [];
  const failed: Record<string, string> = {};
  for (const [i, [name, test]] of cases.entries()) {
    await test(`${folder}/${i}.sqlite`).then(
      () => passed.push(name),
      (error) => failed[name] = String(error.stack),
    );
  }
  console.log(JSON.stringify({ passed, failed }));
}
