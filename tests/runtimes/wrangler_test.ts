/** The example for Cloudflare Workers, as `wrangler` builds it, in the real runtime. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createClient } from "@countersign/mcp/client";
import type { batch_sum, start_long_task } from "@countersign/mcp";
import { memoryRows } from "../kv_connect/memory_rows.ts";
import { kvServer } from "../kv_connect/server.ts";
import { bundle } from "./bundle.ts";
import { installed } from "./installed.ts";
import { startWorkerd } from "./workerd.ts";

const EXAMPLE = new URL("../../examples/cloudflare_worker/", import.meta.url);
const SECRET = "a-secret-that-is-certainly-long-enough";
const KV_TOKEN = "an-access-token";

Deno.test("wrangler takes the example, offline, and what it builds serves", async () => {
  const node = await installed("node", "26.10.0"); // wrangler needs Node 22
  const wrangler = await installed("wrangler", "4.164.0");
  if (node === undefined || wrangler === undefined) return;
  const folder = await Deno.makeTempDir();
  try {
    for await (const { name, isFile } of Deno.readDir(EXAMPLE)) {
      if (isFile) {
        await Deno.copyFile(new URL(name, EXAMPLE), `${folder}/${name}`);
      }
    }
    await installPackage(`${folder}/node_modules/@countersign/mcp`);
    const { success, stdout, stderr } = await new Deno.Command(
      `${node}.bin/node`,
      {
        args: [
          `${wrangler}wrangler/bin/wrangler.js`,
          "deploy",
          "--dry-run",
          "--outdir=dist",
        ],
        cwd: folder,
        env: {
          HOME: folder,
          XDG_CONFIG_HOME: folder,
          WRANGLER_SEND_METRICS: "false",
          CLOUDFLARE_CF_FETCH_ENABLED: "false",
          // Whatever it would ask of the network fails at once.
          HTTP_PROXY: "http://127.0.0.1:1",
          HTTPS_PROXY: "http://127.0.0.1:1",
        },
      },
    ).output();
    const said = new TextDecoder().decode(stdout);
    assert(success, said + new TextDecoder().decode(stderr));
    assertMatch(said, /--dry-run: exiting now/);
    assertMatch(said, /SERVER_ID/);
    await serves(await Deno.readTextFile(`${folder}/dist/main.js`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The package as a registry gives it: JavaScript and its exports. */
async function installPackage(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const files = {
    "mod.js": "../../mod.ts",
    "kv.js": "../../src/kv_connect/mod.ts",
  };
  for (const [name, entry] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder}/${name}`, await bundle(entry));
  }
  const manifest = {
    name: "@countersign/mcp",
    version: "0.0.0",
    type: "module",
    exports: { ".": "./mod.js", "./kv-connect": "./kv.js" },
  };
  await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify(manifest));
}

async function serves(code: string): Promise<void> {
  const config = await Deno.readTextFile(new URL("wrangler.jsonc", EXAMPLE));
  const date = /"compatibility_date": "([^"]+)"/.exec(config)?.[1] ?? "";
  const { handle } = kvServer({ rows: memoryRows(), token: KV_TOKEN });
  await using kv = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    handle,
  );
  const env = {
    SERVER_ID: "mcp-server-001",
    SERVER_SECRET: SECRET,
    CLIENTS: JSON.stringify({ "client-001": SECRET }),
    KV_URL: `http://127.0.0.1:${kv.addr.port}/`,
    KV_TOKEN,
  };
  await using worker = await startWorkerd({ code, env, date });
  if (worker === undefined) return;
  const client = createClient<{
    batch_sum: typeof batch_sum;
    start_long_task: typeof start_long_task;
  }>({
    url: worker.url,
    clientId: "client-001",
    secret: SECRET,
    serverId: "mcp-server-001",
  });
  const sum = await client.call("batch_sum", { numbers: [1, 2, 3] });
  assertEquals(sum, { count: 3, total: 6 });
  const args = { seconds: 1, payload: { a: 1 } };
  assertEquals(await (await client.start("start_long_task", args)).result(), {
    a: 1,
  });
  await worker.scheduled();
}
