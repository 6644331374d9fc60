/**
 * The contract of a Deno KV, held by `connectKv` and by Deno's own remote client
 * against the same servers, and by a local `Deno.Kv`: so that neither the client
 * nor the test server is only our own reading of the protocol.
 */
import { assert } from "@std/assert";
import { connectKv } from "@countersign/mcp/kv-connect";
import { kvContract } from "../../src/testing/kv_contract.ts";
import {
  cursorContract,
  type CursorKv,
} from "../../src/testing/list_contract.ts";
import { DENOKV, startDenokv } from "./denokv.ts";
import { denoRows } from "./deno_rows.ts";
import { serveKv } from "./server.ts";

const token = "an-access-token";
const checks = { ...kvContract, ...cursorContract };

async function hold(kv: CursorKv, test: Deno.TestContext): Promise<void> {
  for (const [name, check] of Object.entries(checks)) {
    await test.step(name, () => check(kv, crypto.randomUUID()));
  }
  kv.close?.();
}

/** Deno's own client of KV Connect. */
async function denoClient(url: string): Promise<Deno.Kv> {
  Deno.env.set("DENO_KV_ACCESS_TOKEN", token);
  return await Deno.openKv(url);
}

Deno.test("a local Deno.Kv holds the contract", async (test) => {
  await hold(await Deno.openKv(":memory:"), test);
});

for (const version of [2, 3]) {
  Deno.test(`connectKv holds the contract, version ${version}, memory`, async (test) => {
    await using served = serveKv({ token, versions: [version] });
    await hold(connectKv({ url: served.url, token }), test);
  });
}

Deno.test("connectKv holds the contract on a Deno.Kv behind the server", async (test) => {
  using kv = await Deno.openKv(":memory:");
  await using served = serveKv({ token, rows: denoRows(kv) });
  await hold(connectKv({ url: served.url, token }), test);
});

Deno.test({
  name: "Deno's own client holds the contract on the test server",
  sanitizeResources: false, // its connections stay open for a while
  sanitizeOps: false,
  async fn(test) {
    await using served = serveKv({ token });
    await hold(await denoClient(served.url), test);
    assert(served.paths.length > Object.keys(checks).length);
  },
});

Deno.test({
  name: "Deno's own client holds the contract on a Deno.Kv behind the server",
  sanitizeResources: false,
  sanitizeOps: false,
  async fn(test) {
    using kv = await Deno.openKv(":memory:");
    await using served = serveKv({ token, rows: denoRows(kv) });
    await hold(await denoClient(served.url), test);
    assert(served.paths.length > Object.keys(checks).length);
  },
});

Deno.test({
  name: "connectKv holds the contract on denokv",
  ignore: DENOKV === undefined,
  async fn(test) {
    await using served = await startDenokv(token);
    await hold(connectKv({ url: served.url, token }), test);
  },
});
