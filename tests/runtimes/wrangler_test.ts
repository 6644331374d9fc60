/** The example for Cloudflare Workers, as `wrangler` builds it, in the real runtime. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { serveKv } from "../kv_connect/server.ts";
import { clientOf } from "../support/clients.ts";
import { temporaryFolder } from "../support/folder.ts";
import { PARTIES } from "../support/parties.ts";
import { bundle } from "./bundle.ts";
import { installed } from "./installed.ts";
import { startWorkerd, WORKERD } from "./workerd.ts";

const EXAMPLE = new URL("../../examples/cloudflare_worker/", import.meta.url);
const KV_TOKEN = "an-access-token";

const NODE = await installed("node", "26.10.0"); // wrangler needs Node 22
const WRANGLER = await installed("wrangler", "4.164.0");

Deno.test({
  name: "wrangler takes the example, offline, and what it builds serves",
  ignore: [NODE, WRANGLER, WORKERD].includes(undefined),
  async fn() {
    await using folder = await temporaryFolder();
    for await (const { name, isFile } of Deno.readDir(EXAMPLE)) {
      if (isFile) {
        await Deno.copyFile(new URL(name, EXAMPLE), folder.file(name));
      }
    }
    await installPackage(folder.file("node_modules/@countersign/mcp"));
    const { success, stdout, stderr } = await new Deno.Command(
      `${NODE}.bin/node`,
      {
        args: [
          `${WRANGLER}wrangler/bin/wrangler.js`,
          "deploy",
          "--dry-run",
          "--outdir=dist",
        ],
        cwd: folder.file(""),
        env: {
          HOME: folder.file(""),
          XDG_CONFIG_HOME: folder.file(""),
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
    await serves(await Deno.readTextFile(folder.file("dist/main.js")));
  },
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
  await using kv = serveKv({ token: KV_TOKEN });
  const env = {
    SERVER_ID: PARTIES.serverId,
    SERVER_SECRET: PARTIES.serverSecret,
    CLIENTS: JSON.stringify(PARTIES.clients),
    KV_URL: kv.url,
    KV_TOKEN,
  };
  await using worker = await startWorkerd({ code, env, date });
  const client = clientOf(worker.url);
  const sum = await client.call("batch_sum", { numbers: [1, 2, 3] });
  assertEquals(sum, { count: 3, total: 6 });
  const args = { seconds: 1, payload: { a: 1 } };
  assertEquals(await (await client.start("start_long_task", args)).result(), {
    a: 1,
  });
  await worker.scheduled();
}
