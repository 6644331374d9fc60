/** What `connectKv` does beside the contract: sessions, failures, what it refuses. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  connectKv,
  type ConnectKvOptions,
  KvConnectError,
  type KvEntry,
} from "@countersign/mcp/kv-connect";
import { commit } from "../../src/kv/commit.ts";
import { CountersignError } from "../../src/errors.ts";
import { stoppedClock } from "../../src/testing/clock.ts";
import { listen } from "../support/listen.ts";
import { denoRows } from "./deno_rows.ts";
import { memoryRows } from "./memory_rows.ts";
import { writeSnapshotReadOutput } from "./messages.ts";
import { kvServer, type KvServerOptions } from "./server.ts";

const token = "an-access-token";
const url = "https://kv.example/";
const READ = "/data/snapshot_read";
const WRITE = "/data/atomic_write";
const DAY = 86_400_000;
const value = new TextEncoder().encode("1");

function connect(
  options: Partial<ConnectKvOptions> = {},
  server: Partial<KvServerOptions> = {},
) {
  const kvs = kvServer({ rows: memoryRows(server.now), token, ...server });
  const kv = connectKv({ url, token, fetch: kvs.handle, ...options });
  const set = () => kv.atomic().set(["a"], value).commit();
  const create = () =>
    kv.atomic().check({ key: ["a"], versionstamp: null }).set(["a"], value);
  return { kvs, kv, set, create };
}

/** The same, by a clock that the test sets forward. */
function connectByClock(server: Partial<KvServerOptions> = {}) {
  const { now, forward } = stoppedClock();
  return { ...connect({ now }, { ...server, now }), pass: forward };
}

Deno.test("nothing is sent until the store is used", async () => {
  const { kvs, kv } = connect();
  assertEquals(kvs.paths, []);
  await kv.get(["a"]);
  assertEquals(kvs.paths, ["/", READ]);
});

Deno.test("a read and a commit are one request each, within a session", async () => {
  const { kvs, kv, set } = connect();
  await kv.get(["a"]);
  await set();
  await kv.getMany([["a"], ["b"]]);
  assertEquals(kvs.paths, ["/", READ, WRITE, READ]);
});

Deno.test("no keys are read without a request", async () => {
  const { kvs, kv } = connect();
  assertEquals(await kv.getMany([]), []);
  assertEquals(kvs.paths, []);
});

Deno.test("the access token goes to the exchange alone", async () => {
  const { kvs, kv } = connect();
  await kv.get(["a"]);
  const [exchange, read] = kvs.requests.map(({ headers }) =>
    headers.get("authorization")
  );
  assertEquals(exchange, `Bearer ${token}`);
  assert(!read?.includes(token));
});

Deno.test("the newest version in common is spoken", async () => {
  for (const [versions, spoken] of [[[1, 2], "2"], [[1, 2, 3], "3"]] as const) {
    const { kvs, kv } = connect({}, { versions: [...versions] });
    await kv.get(["a"]);
    assertEquals(kvs.requests[1].headers.get("x-denokv-version"), spoken);
  }
});

Deno.test("a server of version 1 alone is refused", async () => {
  const { kv } = connect({}, { versions: [1] });
  await assertRejects(() => kv.get(["a"]), KvConnectError, "No version");
});

Deno.test("a session is renewed before it expires", async () => {
  const { kvs, kv, pass } = connectByClock({ lifetimeMs: 100_000 });
  await kv.get(["a"]);
  pass(89_000);
  await kv.get(["a"]);
  assertEquals(kvs.paths, ["/", READ, READ]);
  pass(2000);
  await kv.get(["a"]);
  assertEquals(kvs.paths, ["/", READ, READ, "/", READ]);
});

Deno.test("one request renews a session while the others use the old one", async () => {
  const { kvs, kv, pass } = connectByClock({ lifetimeMs: 100_000 });
  await kv.get(["a"]);
  pass(95_000);
  await Promise.all([1, 2, 3, 4].map(() => kv.get(["a"])));
  assertEquals(kvs.paths.filter((path) => path === "/").length, 2);
});

Deno.test("a session that cannot be renewed is used to its end", async () => {
  const { kvs, set, pass } = connectByClock({ lifetimeMs: 100_000 });
  await set();
  kvs.befall("/", { status: 503 }, { status: 503 });
  pass(90_000);
  assert((await set()).ok);
  pass(9_999); // it is not asked for again at once
  assert((await set()).ok);
  assertEquals(kvs.paths, ["/", WRITE, "/", WRITE, WRITE]);
  pass(1);
  await assertRejects(set, KvConnectError, "HTTP 503");
  assertEquals(kvs.paths.slice(5), ["/"]);
});

Deno.test("after an idle spell longer than the session a new one is had first", async () => {
  const { kvs, kv, set, pass } = connectByClock();
  await kv.get(["a"]);
  pass(86_400_000);
  assert((await set()).ok);
  assertEquals(kvs.paths, ["/", READ, "/", WRITE]);
});

Deno.test("a session that is refused is exchanged, once", async () => {
  const { kvs, kv, set } = connect();
  await kv.get(["a"]);
  kvs.revoke();
  assert((await set()).ok);
  assertEquals(kvs.paths, ["/", READ, WRITE, "/", WRITE]);
  kvs.befall(READ, { status: 401 }, { status: 401 }, { status: 401 });
  const error = await assertRejects(() => kv.get(["a"]), KvConnectError);
  assertEquals([error.status, error.transient], [401, false]);
  assertEquals(kvs.paths.slice(5), [READ, "/", READ]);
});

Deno.test("a clock that is far off costs nothing but an exchange", async () => {
  const { now, forward } = stoppedClock();
  const clocks: [off: number, paths: string[]][] = [
    // What it does not notice to have expired is refused, and exchanged then.
    [-DAY, ["/", READ, READ, WRITE, "/", WRITE]],
    // What it takes for long expired is exchanged every time.
    [DAY, ["/", READ, "/", READ, "/", WRITE]],
  ];
  for (const [off, paths] of clocks) {
    const { kvs, kv, set } = connect(
      { now: () => now() + off },
      { now, lifetimeMs: 3_600_000 },
    );
    assertEquals((await kv.get(["a"])).value, null);
    assertEquals((await kv.get(["a"])).value, null);
    forward(3_600_000);
    assert((await set()).ok);
    assertEquals(kvs.paths, paths);
  }
});

Deno.test("a wrong token is refused for good, and never shown", async () => {
  const { kvs, kv } = connect({ token: "a-wrong-token" });
  const error = await assertRejects(() => kv.get(["a"]), KvConnectError);
  assertEquals([error.status, error.transient], [401, false]);
  assertEquals(kvs.paths, ["/"]);
  assert(!Deno.inspect(error).includes("a-wrong-token"));
});

Deno.test("a token that a server quotes is not shown", async () => {
  const { kvs, kv } = connect();
  kvs.befall("/", { status: 403, body: `Bearer ${token} may not` });
  const error = await assertRejects(
    () => kv.get(["a"]),
    KvConnectError,
    "kv.example answered HTTP 403: Bearer [token] may not",
  );
  assert(!Deno.inspect(error).includes(token));
});

Deno.test("a redirect is not followed, on either path", async () => {
  for (const path of ["/", READ]) {
    const { kvs, kv } = connect();
    const headers = { location: "https://elsewhere.example/" };
    kvs.befall(path, { status: 307, headers });
    const error = await assertRejects(() => kv.get(["a"]), KvConnectError);
    assertEquals([error.status, error.transient], [307, false]);
    assertEquals(kvs.paths.at(-1), path);
    assertEquals(kvs.requests.at(-1)?.redirect, "manual");
  }
});

Deno.test("a redirect is not followed over real HTTP", async () => {
  const seen: string[] = [];
  await using server = listen((request) => {
    seen.push(new URL(request.url).pathname);
    return Response.redirect(new URL("/elsewhere", request.url), 307);
  });
  const kv = connectKv({ url: server.url, token });
  await assertRejects(() => kv.get(["a"]), KvConnectError);
  assertEquals(seen, ["/"]);
});

Deno.test("an endpoint that is not https is refused", async () => {
  for (
    const endpoint of [
      "http://kv.example/data",
      "http://127.0.0.1/data",
      "ftp://kv.example/",
    ]
  ) {
    const { kvs, kv } = connect({}, { endpoint });
    await assertRejects(() => kv.get(["a"]), KvConnectError, "is not https");
    assertEquals(kvs.paths, ["/"]);
  }
});

Deno.test("an exchange within this machine may name endpoints within it", async () => {
  const local = { url: "http://localhost:4512/" };
  const { kv } = connect(local, { endpoint: "http://127.0.0.1:9/data" });
  assertEquals((await kv.get(["a"])).value, null);
  const out = connect(local, { endpoint: "http://kv.example/data" });
  await assertRejects(() => out.kv.get(["a"]), KvConnectError, "is not https");
});

Deno.test("an endpoint may be another server", async () => {
  const endpoint = "https://region.kv.example/data/";
  const { kvs, kv } = connect({}, { endpoint });
  await kv.get(["a"]);
  assertEquals(
    kvs.requests[1].url,
    "https://region.kv.example/data/snapshot_read",
  );
});

Deno.test("an answer to the exchange that is none is refused, and not asked for again", async () => {
  const good = {
    version: 3,
    databaseId: "id",
    token: "session",
    expiresAt: "2030-01-01T00:00:00Z",
    endpoints: [{ url: "/data", consistency: "strong" }],
  };
  const bad: [string, string][] = [
    ["<html>", "cannot be read"],
    ["null", "its version is undefined"],
    [JSON.stringify({ ...good, version: 4 }), "its version is 4"],
    [JSON.stringify({ ...good, token: "" }), "lacks a token"],
    [JSON.stringify({ ...good, token: "a\nb" }), "lacks a token"],
    [JSON.stringify({ ...good, databaseId: 7 }), "database id"],
    [JSON.stringify({ ...good, endpoints: [] }), "no endpoint"],
    [JSON.stringify({ ...good, endpoints: "/data" }), "no endpoint"],
    [
      JSON.stringify({
        ...good,
        endpoints: [{ url: "/", consistency: "eventual" }],
      }),
      "no endpoint",
    ],
    [JSON.stringify({ ...good, expiresAt: "soon" }), "when the token expires"],
  ];
  for (const [body, why] of bad) {
    const { kvs, kv } = connect();
    kvs.befall("/", { status: 200, body });
    const error = await assertRejects(() => kv.get(["a"]), KvConnectError, why);
    assertEquals(error.transient, false);
    assertEquals(kvs.paths, ["/"]);
  }
});

Deno.test("a read that fails for a while is tried again", async () => {
  const { kvs, kv } = connect();
  kvs.befall("/", { status: 502 });
  kvs.befall(READ, { status: 503 });
  assertEquals((await kv.get(["a"])).value, null);
  assertEquals(kvs.paths, ["/", "/", READ, READ]);
});

Deno.test("a read is tried three times", async () => {
  const { kvs, kv } = connect();
  kvs.befall(READ, { lost: true }, { status: 500 }, { status: 429 });
  const error = await assertRejects(() => kv.get(["a"]), KvConnectError);
  assertEquals([error.status, error.transient, error.ambiguous], [
    429,
    true,
    false,
  ]);
  assertEquals(kvs.paths, ["/", READ, READ, READ]);
});

Deno.test("a read that is refused is not tried again", async () => {
  const { kvs, kv } = connect();
  kvs.befall(READ, { status: 400, body: "Not so" });
  await assertRejects(() => kv.get(["a"]), KvConnectError, "HTTP 400: Not so");
  assertEquals(kvs.paths, ["/", READ]);
});

Deno.test("an answer that is garbled is asked for again", async () => {
  const { kvs, kv } = connect();
  const cut = writeSnapshotReadOutput([[]]).subarray(0, 3);
  kvs.befall(READ, { bytes: cut.slice() }, { bytes: new Uint8Array([7]) });
  assertEquals((await kv.get(["a"])).value, null);
});

Deno.test("an answer with too few ranges is no answer", async () => {
  const { kvs, kv } = connect();
  const none = { bytes: writeSnapshotReadOutput([]) };
  kvs.befall(READ, none, none, none);
  await assertRejects(() => kv.get(["a"]), KvConnectError, "0 ranges for 1");
});

Deno.test("an endpoint that serves no strong reads is exchanged for one that does", async () => {
  for (const how of [{ strong: false }, { disabled: true }]) {
    const { kvs, kv } = connect();
    kvs.befall(READ, { bytes: writeSnapshotReadOutput([[]], how) });
    assertEquals((await kv.get(["a"])).value, null);
    assertEquals(kvs.paths, ["/", READ, "/", READ]);
  }
});

Deno.test("an endpoint that serves no writes is exchanged for one that does", async () => {
  const { kvs, set } = connect();
  const disabled = { bytes: new Uint8Array([8, 5]) };
  kvs.befall(WRITE, disabled);
  assert((await set()).ok);
  assertEquals(kvs.paths, ["/", WRITE, "/", WRITE]);
  kvs.befall(WRITE, disabled, disabled);
  await assertRejects(set, KvConnectError, "does not serve this database now");
});

Deno.test("a server that does not answer is given up on, in time", async () => {
  const { kvs, set } = connect({ timeoutMs: 50 });
  kvs.befall(WRITE, { silent: true });
  const error = await assertRejects(
    set,
    KvConnectError,
    "Cannot commit over KV Connect: kv.example: no answer within 50 ms",
  );
  assertEquals([error.status, error.ambiguous], [0, true]);
});

Deno.test("a commit whose answer is lost is ambiguous, and not sent again", async () => {
  const garbled = { bytes: new Uint8Array([8]) };
  for (const fault of [{ lost: true } as const, { afterwards: 502 }, garbled]) {
    const { kvs, set } = connect();
    kvs.befall(WRITE, fault);
    const error = await assertRejects(set, KvConnectError);
    assertEquals([error.ambiguous, error.transient], [true, true]);
    assertEquals(kvs.paths, ["/", WRITE]);
  }
});

Deno.test("a commit that was refused is not ambiguous", async () => {
  for (const status of [400, 429]) {
    const { kvs, set } = connect();
    kvs.befall(WRITE, { status });
    const error = await assertRejects(set, KvConnectError);
    assertEquals(error.ambiguous, false);
  }
});

Deno.test("a commit without a session was never sent, and is not ambiguous", async () => {
  const { kvs, set } = connect();
  kvs.befall("/", { status: 503 });
  const error = await assertRejects(set, KvConnectError);
  assertEquals([error.ambiguous, error.transient], [false, true]);
  assertEquals(kvs.paths, ["/"]);
});

Deno.test("the engine finds out what became of an ambiguous commit", async () => {
  for (const fault of [{ lost: true } as const, { status: 500 }]) {
    const { kvs, kv, create } = connect();
    kvs.befall(WRITE, fault);
    const landed = async () => (await kv.get(["a"])).versionstamp ?? undefined;
    const versionstamp = await commit(create, landed);
    assertEquals(versionstamp, (await kv.get(["a"])).versionstamp);
    assert(versionstamp);
  }
});

Deno.test("the engine does not ask again what was refused for good", async () => {
  const { kvs, create } = connect({ token: "a-wrong-token" });
  const error = await assertRejects(
    () => commit(create, () => Promise.resolve(undefined)),
    CountersignError,
  );
  assertEquals(error.code, "unavailable");
  assertEquals(kvs.paths, ["/"]);
});

Deno.test("a key expires when it should", async () => {
  const { kv, pass } = connectByClock();
  await kv.atomic().set(["a"], value, { expireIn: 1000 }).commit();
  pass(999);
  assertEquals((await kv.get(["a"])).value, value);
  pass(1);
  assertEquals((await kv.get(["a"])).value, null);
});

Deno.test("a counter of Deno's is read, a serialized value is told from none", async () => {
  using store = await Deno.openKv(":memory:");
  await store.atomic().sum(["n"], 2n ** 40n).set(["s"], "text").commit();
  const { kv } = connect({}, { rows: denoRows(store) });
  assertEquals((await kv.get(["n"])).value, { value: 2n ** 40n });
  const entries: KvEntry[] = [];
  for await (const entry of kv.list({ prefix: [] })) entries.push(entry);
  assertEquals(entries.map(({ key }) => [...key]), [["n"], ["s"]]);
  assert(entries[1].versionstamp);
  assertThrows(
    () => entries[1].value,
    TypeError,
    "Cannot read the value at [s]",
  );
});

Deno.test("what is no Uint8Array is not written", () => {
  const { kv } = connect();
  for (const value of ["text", 1, null, undefined, {}, new ArrayBuffer(1)]) {
    assertThrows(
      () => kv.atomic().set(["a"], value),
      TypeError,
      "give it as a Uint8Array",
    );
  }
});

Deno.test("what is no part of a key is refused, by its type", () => {
  const { kv } = connect();
  for (const part of [null, undefined, {}, Symbol("a")]) {
    const key = ["a", part as string];
    assertThrows(() => kv.atomic().delete(key), TypeError, "A part of a key");
  }
  assertThrows(() => kv.atomic().delete([2n ** 2048n]), TypeError, "bigint");
});

Deno.test("what makes no range, cursor or check is refused", () => {
  const { kv } = connect();
  const prefix = ["a"];
  const bad = [
    () => kv.list({ prefix, start: ["b"] }),
    () => kv.list({ prefix, end: ["b"] }),
    () => kv.list({ start: ["b"] } as never),
    () => kv.list({ prefix }, { cursor: "*" }),
    () => kv.atomic().check({ key: ["a"], versionstamp: "1" }),
    () => kv.atomic().set(["a"], value, { expireIn: 0 }),
  ];
  for (const call of bad) assertThrows(call, TypeError);
  for (const options of [{ limit: 0 }, { batchSize: 0 }, { batchSize: 1001 }]) {
    assertThrows(() => kv.list({ prefix }, options), RangeError);
  }
});

Deno.test("a url that cannot be used is refused at once, without what it may hold", () => {
  const bad: [string, string][] = [
    ["", "no URL"],
    ["/data.db", "no URL"],
    ["ftp://kv.example/", "not one of http or https"],
    ["s3cret:/kv.example/", "not one of http or https"],
    ["http://s3cret/", "give the url as https"],
    ["http://kv.example/s3cret", "give the url as https"],
    ["http://127.0.0.1.example/s3cret", "as https"],
    ["https://me:s3cret@kv.example/", "no credentials"],
  ];
  for (const [url, why] of bad) {
    const error = assertThrows(() => connectKv({ url, token }), TypeError, why);
    assert(!error.message.includes("s3cret"));
  }
  for (
    const url of [
      "http://localhost:1",
      "http://127.1.2.3",
      "http://[::1]:9/",
      "https://kv.example/v2/x/connect",
    ]
  ) {
    connectKv({ url, token }).close();
    connectKv({ url: new URL(url), token }).close();
  }
});

Deno.test("a token that is no token is refused at once, and not shown", () => {
  for (const token of ["", " ", "s3cret\n", "s3cret token", "s3crét"]) {
    const error = assertThrows(() => connectKv({ url, token }), TypeError);
    assert(!error.message.includes("s3cr"));
  }
});

Deno.test("a store that was closed is of no more use", async () => {
  const { kvs, kv, set } = connect();
  kv.close();
  const error = await assertRejects(() => kv.get(["a"]), Error, "was closed");
  assertEquals(error.name, "BadResource");
  await assertRejects(set, Error, "was closed");
  assertEquals(kvs.paths, []);
});

Deno.test("a cursor is Deno's own, byte for byte", async () => {
  using local = await Deno.openKv(":memory:");
  const { kv } = connect();
  const cursors: string[] = [];
  for (const store of [local, kv]) {
    const part = ["ÿ?>~", 1.5, new Uint8Array([250, 251, 0])];
    await store.atomic().set(["a", ...part], value).set(["b"], value).commit();
    const list = store.list({ prefix: ["a"] }, { limit: 1 });
    for await (const { key } of list) assertEquals(key.length, 4);
    cursors.push(list.cursor);
  }
  assert(cursors[0].length > 20);
  assertEquals(cursors[1], cursors[0]);
});
