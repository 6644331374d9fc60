/** One suite, run unchanged in workerd, Node, Bun and Deno. */
import { assert, assertEquals } from "@std/assert";
import { DENOKV, startDenokv } from "../kv_connect/denokv.ts";
import { serveKv } from "../kv_connect/server.ts";
import { temporaryFolder } from "../support/folder.ts";
import { isInstalled } from "../support/programs.ts";
import { bundle } from "./bundle.ts";
import { cases } from "./cases.ts";
import { installed } from "./installed.ts";
import { startWorkerd, WORKERD } from "./workerd.ts";

const token = "an-access-token";
const names = Object.keys(cases);

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
  Deno.test({
    name: `the suite runs in workerd, ${[date, ...flags].join(" ")}`,
    ignore: WORKERD === undefined,
    async fn() {
      await using kv = serveKv({ token });
      await runInWorkerd(kv.url, date, flags);
    },
  });
}

Deno.test({
  name: "the suite runs in workerd on denokv",
  ignore: WORKERD === undefined || DENOKV === undefined,
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
  const there: string[] = await (await fetch(workerd.url)).json();
  assertEquals(there, names);
  const passed: string[] = [];
  const failed: Record<string, string> = {};
  const rest = [...there];
  // Side by side, so that requests meet in one isolate as they do outside.
  const lane = async () => {
    for (let name = rest.shift(); name; name = rest.shift()) {
      const query = new URLSearchParams({ case: name });
      const response = await fetch(`${workerd.url}?${query}`);
      const text = await response.text();
      if (text === "ok") passed.push(name);
      else failed[name] = text;
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  assertEquals(failed, {}, workerd.log());
  assertEquals(passed.sort(), names.toSorted());
}

/** The runtimes that run a file, by their commands; `undefined` where out of reach. */
const PROCESSES: Record<string, string[] | undefined> = {
  "Node as it is installed here": isInstalled("node") ? ["node"] : undefined,
  "Node 26": await binary("node", "26.10.0"),
  "Bun": await binary("bun", "1.4.5"),
  "Deno 2.5": await binary("deno", "2.5.7", "run", "-A", "--no-config"),
  "Deno": [Deno.execPath(), "run", "-A", "--no-config"],
};

for (const [name, command] of Object.entries(PROCESSES)) {
  Deno.test({
    name: `the suite runs in ${name}`,
    ignore: command === undefined,
    fn: () => runInProcess(command ?? []),
  });
}

async function runInProcess([program, ...args]: string[]): Promise<void> {
  await using kv = serveKv({ token });
  await using folder = await temporaryFolder();
  const code = await (process ??= bundle("suite_process.ts"));
  await Deno.writeTextFile(folder.file("suite.mjs"), code);
  await Deno.writeTextFile(
    folder.file("main.mjs"),
    'import process from "node:process";\n' +
      'import { run } from "./suite.mjs";\nawait run(process.env);\n',
  );
  const { stdout, stderr, success } = await new Deno.Command(program, {
    args: [...args, folder.file("main.mjs")],
    env: { KV_URL: kv.url, KV_TOKEN: token },
  }).output();
  const errors = new TextDecoder().decode(stderr);
  assert(success, errors);
  const { passed, failed } = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(failed, {}, errors);
  assertEquals(passed.sort(), names.toSorted());
}

Deno.test("the suite has cases of its own, of the KV's and of the job store's", () => {
  const kinds = names.map((name) => /^(KV|Jobs): /.exec(name)?.[1] ?? "own");
  assertEquals([...new Set(kinds)].sort(), ["Jobs", "KV", "own"]);
});

/** A runtime from npm, by its command; `undefined` where that is out of reach. */
async function binary(
  name: string,
  version: string,
  ...args: string[]
): Promise<string[] | undefined> {
  const modules = await installed(name, version);
  return modules === undefined
    ? undefined
    : [`${modules}.bin/${name}`, ...args];
}
