/** One suite, run unchanged in workerd, Node, Bun and Deno. */
import { assert, assertEquals } from "@std/assert";
import { DENOKV, startDenokv } from "../kv_connect/denokv.ts";
import { memoryRows } from "../kv_connect/memory_rows.ts";
import { kvServer } from "../kv_connect/server.ts";
import { bundle } from "./bundle.ts";
import { cases } from "./cases.ts";
import { installed } from "./installed.ts";
import { startWorkerd } from "./workerd.ts";

const token = "an-access-token";
/** Cases that ran, at the least: so that an empty suite is noticed. */
const LEAST = 70;

function serveKv() {
  const { handle } = kvServer({ rows: memoryRows(), token });
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handle);
}

let worker: Promise<string> | undefined;
let process: Promise<string> | undefined;

/** Before, at and after what forbids generated code, with and without Node's API. */
const WORKERS: [date: string, flags: string[]][] = [
  ["2025-05-31", []],
  ["2025-06-01", []],
  ["2025-06-01", ["nodejs_compat"]],
  ["2026-10-23", ["no_nodejs_compat"]],
  ["2026-10-23", []],
];

for (const [date, flags] of WORKERS) {
  Deno.test(`the suite runs in workerd, ${[date, ...flags].join(" ")}`, async () => {
    await using kv = serveKv();
    await runInWorkerd(`http://127.0.0.1:${kv.addr.port}/`, date, flags);
  });
}

Deno.test({
  name: "the suite runs in workerd on denokv",
  ignore: DENOKV === undefined,
  async fn() {
    await using kv = await startDenokv(token);
    await runInWorkerd(kv.url, "2026-10-23", []);
  },
});

async function runInWorkerd(
  kvUrl: string,
  date: string,
  flags: string[],
): Promise<void> {
  const code = await (worker ??= bundle("suite_worker.ts"));
  const env = { KV_URL: kvUrl, KV_TOKEN: token };
  await using workerd = await startWorkerd({ code, env, date, flags });
  if (workerd === undefined) return;
  const names: string[] = await (await fetch(workerd.url)).json();
  assertEquals(names, Object.keys(cases));
  assert(names.length >= LEAST);
  const failed: Record<string, string> = {};
  const rest = [...names];
  // Side by side, so that requests meet in one isolate as they do outside.
  const lane = async () => {
    for (let name = rest.shift(); name; name = rest.shift()) {
      const query = new URLSearchParams({ case: name });
      const response = await fetch(`${workerd.url}?${query}`);
      const text = await response.text();
      if (text !== "ok") failed[name] = text;
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  assertEquals(failed, {}, workerd.log());
}

const PROCESSES: Record<string, () => Promise<string[] | undefined>> = {
  "Node as it is installed here": () => Promise.resolve(["node"]),
  "Node 26": () => binary("node", "26.10.0"),
  "Bun": () => binary("bun", "1.4.5"),
  "Deno 2.5": () => binary("deno", "2.5.7", "run", "-A", "--no-config"),
  "Deno": () => Promise.resolve([Deno.execPath(), "run", "-A", "--no-config"]),
};

for (const [name, commandOf] of Object.entries(PROCESSES)) {
  Deno.test(`the suite runs in ${name}`, async () => {
    const command = await commandOf();
    if (command === undefined) return;
    await using kv = serveKv();
    const folder = await Deno.makeTempDir();
    const code = await (process ??= bundle("suite_process.ts"));
    await Deno.writeTextFile(`${folder}/suite.mjs`, code);
    await Deno.writeTextFile(
      `${folder}/main.mjs`,
      'import process from "node:process";\n' +
        'import { run } from "./suite.mjs";\nawait run(process.env);\n',
    );
    const { stdout, stderr, success } = await new Deno.Command(command[0], {
      args: [...command.slice(1), `${folder}/main.mjs`],
      env: { KV_URL: `http://127.0.0.1:${kv.addr.port}/`, KV_TOKEN: token },
    }).output();
    const errors = new TextDecoder().decode(stderr);
    assert(success, errors);
    const { count, failed } = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(failed, {}, errors);
    assert(count >= LEAST);
    await Deno.remove(folder, { recursive: true });
  });
}

/** A runtime from npm, by its command; `undefined` where that is out of reach. */
async function binary(
  name: string,
  version: string,
  ...args: string[]
): Promise<string[] | undefined> {
  const modules = await installed(name, version);
  if (modules === undefined) return undefined;
  return [`${modules}.bin/${name}`, ...args];
}
