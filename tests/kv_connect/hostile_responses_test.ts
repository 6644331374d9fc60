/** What `connectKv` makes of a server that is hostile, broken, or says too much. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectKv, KvConnectError } from "@countersign/mcp/kv-connect";
import type { KvKey } from "@countersign/mcp/kv-connect";
import { packKey } from "../../src/kv_connect/key.ts";
import { decode } from "../../src/kv_connect/protobuf.ts";
import { memoryRows } from "./memory_rows.ts";
import {
  type Row,
  writeAtomicWriteOutput,
  writeSnapshotReadOutput,
} from "./messages.ts";
import { kvServer } from "./server.ts";

const token = "an-access-token";
const url = "https://kv.example/";
const READ = "/data/snapshot_read";
const WRITE = "/data/atomic_write";

function connect() {
  const kvs = kvServer({ rows: memoryRows(), token });
  return { kvs, kv: connectKv({ url, token, fetch: kvs.handle }) };
}

function row(key: KvKey, changes: Partial<Row> = {}): Row {
  return {
    key: packKey(key),
    value: new Uint8Array([1]),
    encoding: 3,
    versionstamp: new Uint8Array(10).fill(1),
    ...changes,
  };
}

/** Has every try of a read answered with these rows, and finds it refused. */
async function refused(
  rows: readonly Row[],
  read: (kv: ReturnType<typeof connectKv>) => Promise<unknown>,
  message: string,
): Promise<void> {
  const { kvs, kv } = connect();
  const bytes = writeSnapshotReadOutput([[...rows]]);
  kvs.befall(READ, { bytes }, { bytes }, { bytes });
  await assertRejects(() => read(kv), KvConnectError, message);
}

Deno.test("a message of 100,000 fields is read in time proportional to it", () => {
  const bytes = new Uint8Array(200_000);
  for (let i = 0; i < bytes.length; i += 2) bytes.set([8, 1], i);
  const began = performance.now();
  assertEquals(decode(bytes).get(1)?.length, 100_000);
  // With a copy of the list for each value this took minutes.
  assert(performance.now() - began < 2000);
});

Deno.test("an entry of another key, or of more keys, is no answer", async () => {
  const get = (kv: ReturnType<typeof connectKv>) => kv.get(["a"]);
  await refused([row(["z"])], get, "a key that was not asked for");
  await refused([row(["a", "b"])], get, "a key that was not asked for");
  await refused([row([])], get, "a key that was not asked for");
  await refused([row(["a"]), row(["a"])], get, "2 keys for 1");
  const { kvs, kv } = connect();
  const swapped = writeSnapshotReadOutput([[row(["b"])], [row(["a"])]]);
  kvs.befall(READ, { bytes: swapped }, { bytes: swapped }, { bytes: swapped });
  await assertRejects(() => kv.getMany([["a"], ["b"]]), KvConnectError);
});

Deno.test("a listing has keys of its range only, each once and in order", async () => {
  const forwards = (kv: ReturnType<typeof connectKv>) =>
    Array.fromAsync(kv.list({ prefix: ["p"] }));
  const backwards = (kv: ReturnType<typeof connectKv>) =>
    Array.fromAsync(kv.list({ prefix: ["p"] }, { reverse: true }));
  const [one, two, outside] = [["p", 1], ["p", 2], ["q", 1]].map((key) =>
    row(key)
  );
  const message = "a key that was not asked for";
  await refused([one, outside], forwards, message);
  await refused([two, one], forwards, message);
  await refused([one, one], forwards, message);
  await refused([one, two], backwards, message);
  await refused([two, two], backwards, message);
});

Deno.test("a listing that is answered the same again does not go round for ever", async () => {
  const { kvs, kv } = connect();
  const bytes = writeSnapshotReadOutput([[row(["p", 1])]]);
  kvs.befall(READ, ...Array.from({ length: 10 }, () => ({ bytes })));
  await assertRejects(
    () => Array.fromAsync(kv.list({ prefix: ["p"] }, { batchSize: 1 })),
    KvConnectError,
  );
  assertEquals(kvs.paths.filter((path) => path === READ).length, 4);
});

Deno.test("a versionstamp has ten bytes, or the answer is none", async () => {
  for (const length of [0, 1, 9, 11]) {
    const versionstamp = new Uint8Array(length);
    await refused(
      [row(["a"], { versionstamp })],
      (kv) => kv.get(["a"]),
      `versionstamp of ${length} bytes`,
    );
    const { kvs, kv } = connect();
    kvs.befall(WRITE, { bytes: writeAtomicWriteOutput(versionstamp) });
    const error = await assertRejects(
      () => kv.atomic().delete(["a"]).commit(),
      KvConnectError,
      `versionstamp of ${length} bytes`,
    );
    assert(error.ambiguous);
  }
});

Deno.test("a counter that has not eight bytes is no answer", async () => {
  await refused(
    [row(["a"], { encoding: 2, value: new Uint8Array(3) })],
    (kv) => kv.get(["a"]),
    "cannot be read",
  );
});

Deno.test("no more is read of an answer than what was asked for can need", async () => {
  const cases: [string, string, number, () => Promise<unknown>][] = [];
  let kv: ReturnType<typeof connectKv>;
  const get = () => kv.get(["a"]);
  const commit = () => kv.atomic().delete(["a"]).commit();
  cases.push(["/", "exchange", 65_536, get]);
  cases.push([READ, "read", 200_000, get]);
  cases.push([WRITE, "commit", 4096, commit]);
  for (const [path, what, most, call] of cases) {
    for (const status of [200, 500]) {
      const { kvs } = connect();
      let taken = 0;
      kv = connectKv({
        url,
        token,
        fetch: async (request) => {
          if (new URL(request.url).pathname !== path) {
            return await kvs.handle(request);
          }
          taken = 0;
          const body = new ReadableStream({
            pull(controller) {
              taken += 1000;
              controller.enqueue(new Uint8Array(1000).fill(0x20));
            },
          });
          return new Response(body, { status });
        },
      });
      const error = await assertRejects(call, KvConnectError, what);
      assertEquals(error.status, status);
      assert(taken > 0 && taken <= most + 3000, `${what}: ${taken} bytes`);
    }
  }
});

Deno.test("an answer that stops midway is given up on, in time", async () => {
  const { kvs } = connect();
  let isLeft = false;
  const kv = connectKv({
    url,
    token,
    timeoutMs: 30,
    fetch: (request) =>
      request.url === url ? kvs.handle(request) : new Response(
        new ReadableStream({
          cancel() {
            isLeft = true;
          },
        }),
      ),
  });
  await assertRejects(
    () => kv.atomic().delete(["a"]).commit(),
    KvConnectError,
    "no answer within 30 ms",
  );
  assert(isLeft);
});
