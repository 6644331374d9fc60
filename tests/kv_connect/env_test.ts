/** Where `COUNTERSIGN_KV_URL` leads, on Deno. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { CountersignError } from "../../src/errors.ts";
import { fromEnvironment } from "../../src/ready_made/env.ts";
import type { KvLike } from "../../src/kv/kv.ts";
import { serveKv } from "./server.ts";

const token = "an-access-token";

/** Opens the KV that an environment names. */
function open(variables: Record<string, string>): KvLike | Promise<KvLike> {
  const env = {
    COUNTERSIGN_SERVER_ID: "server",
    COUNTERSIGN_SERVER_SECRET: "a-secret-that-is-certainly-long-enough",
    COUNTERSIGN_CLIENTS: '{"a":"another-secret-that-is-long-enough"}',
    ...variables,
  };
  const { kv } = fromEnvironment(env);
  assert(typeof kv === "function");
  return kv(env);
}

Deno.test("an http URL leads to KV Connect, with the token, on Deno too", async () => {
  await using kvs = serveKv({ token });
  const kv = await open({
    COUNTERSIGN_KV_URL: kvs.url,
    COUNTERSIGN_KV_TOKEN: token,
  });
  assertEquals(kv instanceof Deno.Kv, false);
  assertEquals((await kv.get(["a"])).versionstamp, null);
  assertEquals(kvs.paths, ["/", "/data/snapshot_read"]);
});

Deno.test("a path leads to Deno's own KV", async () => {
  const kv = await open({ COUNTERSIGN_KV_URL: ":memory:" });
  assert(kv instanceof Deno.Kv);
  kv.close();
});

Deno.test("an http URL without a token says which variable to set", () => {
  const error = assertThrows(
    () => open({ COUNTERSIGN_KV_URL: "https://kv.example/" }),
    CountersignError,
    "Set COUNTERSIGN_KV_TOKEN",
  );
  assertEquals(error.code, "not_configured");
});

Deno.test("a URL or token that cannot be used is told without either", () => {
  for (
    const [url, token] of [
      ["http://kv.example/s3cret", "t"],
      ["https://kv.example/s3cret", "s3cret\n"],
    ]
  ) {
    const error = assertThrows(
      () => open({ COUNTERSIGN_KV_URL: url, COUNTERSIGN_KV_TOKEN: token }),
      CountersignError,
      "Check COUNTERSIGN_KV_URL and COUNTERSIGN_KV_TOKEN: ",
    );
    assertEquals(error.code, "not_configured");
    assert(!Deno.inspect(error).includes("s3cret"));
  }
});
