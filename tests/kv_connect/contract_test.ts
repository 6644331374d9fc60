/**
 * The contract of a Deno KV, held by `connectKv` and by Deno's own remote client
 * against the same servers, and by a local `Deno.Kv`: so that neither the client
 * nor the test server is only our own reading of the protocol.
 */
import { assert } from "@std/assert";
import { connectKv } from "@countersign/mcp/kv-connect";
import { checks, type Store } from "./contract.ts";
import { denoRows } from "./deno_rows.ts";
import { memoryRows } from "./memory_rows.ts";
import type { Rows } from "./messages.ts";
import { type KvServer, kvServer } from "./server.ts";

const token = "an-access-token";

interface Served extends AsyncDisposable {
  readonly url: string;
}

function serve(
  rows: Rows,
  versions: number[],
): Served & { server: KvServer } {
  const server = kvServer({ rows, token, versions });
  const http = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    server.handle,
  );
  return {
    url: `http://127.0.0.1:${http.addr.port}/`,
    server,
    [Symbol.asyncDispose]: () => http.shutdown(),
  };
}

/** The real server, where `DENOKV_BIN` names it. */
async function denokv(binary: string): Promise<Served> {
  const folder = await Deno.makeTempDir();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const child = new Deno.Command(binary, {
    args: [
      "--sqlite-path",
      `${folder}/kv.sqlite`,
      "serve",
      "--access-token",
      token,
      "--addr",
      `127.0.0.1:${port}`,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const url = `http://127.0.0.1:${port}/`;
  for (let tries = 0;; tries++) {
    try {
      await (await fetch(url)).body?.cancel();
      break;
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

async function hold(kv: Store, test: Deno.TestContext): Promise<void> {
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
    await using served = serve(memoryRows(), [version]);
    await hold(connectKv({ url: served.url, token }), test);
  });
}

Deno.test("connectKv holds the contract on a Deno.Kv behind the server", async (test) => {
  using kv = await Deno.openKv(":memory:");
  await using served = serve(denoRows(kv), [2, 3]);
  await hold(connectKv({ url: served.url, token }), test);
});

Deno.test({
  name: "Deno's own client holds the contract on the test server",
  sanitizeResources: false, // its connections stay open for a while
  sanitizeOps: false,
  async fn(test) {
    await using served = serve(memoryRows(), [2, 3]);
    await hold(await denoClient(served.url), test);
    assert(served.server.paths.length > Object.keys(checks).length);
  },
});

Deno.test({
  name: "Deno's own client holds the contract on a Deno.Kv behind the server",
  sanitizeResources: false,
  sanitizeOps: false,
  async fn(test) {
    using kv = await Deno.openKv(":memory:");
    await using served = serve(denoRows(kv), [2, 3]);
    await hold(await denoClient(served.url), test);
    assert(served.server.paths.length > Object.keys(checks).length);
  },
});

const binary = Deno.env.get("DENOKV_BIN");
if (binary === undefined) {
  console.log("denokv itself: left out, set DENOKV_BIN to its binary");
}
Deno.test({
  name: "connectKv holds the contract on denokv",
  ignore: binary === undefined,
  async fn(test) {
    await using served = await denokv(binary as string);
    await hold(connectKv({ url: served.url, token }), test);
  },
});
