/**
 * Runs the official MCP conformance suite: `deno task conformance [scenario]`.
 *
 * The suite is installed, at one pinned version, into `.cache/`. It sends no
 * signatures, so the fixture it is run against serves everybody on this machine;
 * with `--signed` first it is run through the signing proxy instead, against a
 * server that takes signed requests only.
 * What may fail stands in `tests/conformance/`; anything else, or something
 * there that passes, is an error.
 */
import { main as startProxy } from "../src/cli/mod.ts";

const VERSION = "0.2.0-alpha.12";
const PACKAGE = "@modelcontextprotocol/conformance";
const root = new URL("../", import.meta.url);
const cache = new URL(`.cache/conformance-${VERSION}/`, root);
const suite = new URL(`node_modules/${PACKAGE}/dist/index.js`, cache);

/** Scenarios of the tasks extension, which no revision requires; the suite itself skips the tenth. */
const TASKS = [
  "tasks-lifecycle",
  "tasks-capability-negotiation",
  "tasks-wire-fields",
  "tasks-request-state-removal",
  "tasks-mrtr-input",
  "tasks-request-headers",
  "tasks-dispatch-and-envelope",
  "tasks-required-task-error",
  "tasks-mrtr-composition",
];

/** The suite needs what Node has since 22, and Deno too. */
async function run(args: readonly string[], cwd: URL): Promise<number> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
  })
    .spawn().status;
  return code;
}

async function install(): Promise<void> {
  if (await Deno.stat(suite).then(() => true, () => false)) return;
  await Deno.mkdir(cache, { recursive: true });
  const manifest = {
    private: true,
    type: "module",
    dependencies: { [PACKAGE]: VERSION },
  };
  await Deno.writeTextFile(
    new URL("package.json", cache),
    JSON.stringify(manifest),
  );
  await Deno.writeTextFile(
    new URL("deno.json", cache),
    JSON.stringify({ nodeModulesDir: "manual" }),
  );
  if (await run(["install", "-q"], cache) !== 0) Deno.exit(2);
}

/** Starts the fixture with the flags that this very process was given. */
async function serve(
  env: Record<string, string>,
): Promise<{ url: string; child: Deno.ChildProcess }> {
  const flag = await new Deno.Command(Deno.execPath(), {
    args: ["task", "-q", "std"],
    cwd: root,
    stdout: "piped",
    stderr: "null",
  }).output();
  const std = new TextDecoder().decode(flag.stdout).trim();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--unstable-kv",
      ...std ? [std] : [],
      "tests/conformance/fixture.ts",
    ],
    cwd: root,
    env: { PORT: "0", ...env },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error("The fixture did not start");
    text += value;
    const url = /Listening on (\S+)/.exec(text)?.[1];
    if (url) return { url: `${url}mcp`, child };
  }
}

function expected(revision: string): string[] {
  const file = `tests/conformance/expected_failures.${revision}.yml`;
  return ["--expected-failures", new URL(file, root).pathname];
}

await install();
const isSigned = Deno.args[0] === "--signed";
const only = Deno.args[isSigned ? 1 : 0];
const secret = crypto.randomUUID() + crypto.randomUUID();
const { url: direct, child } = await serve(
  isSigned ? { SUITE_SECRET: secret } : {},
);
let url = direct;
if (isSigned) {
  const ids = ["--server", "conformance", "--client", "suite"];
  const options = ["--url", direct, ...ids, "--port", "0"];
  const { port } = startProxy(["proxy", ...options], secret).addr;
  url = `http://127.0.0.1:${port}/mcp`;
}
const runs: [name: string, args: string[]][] = only
  ? [[only, [
    "--scenario",
    only,
    "--spec-version",
    "2026-07-28",
    "--force",
    "--verbose",
  ]]]
  : [
    ...["2026-07-28", "2025-11-25"].map((revision): [string, string[]] => [
      `required of ${revision}`,
      ["--requirements", revision, ...expected(revision)],
    ]),
    ...TASKS.map((scenario): [string, string[]] => [
      scenario,
      ["--scenario", scenario, "--spec-version", "2026-07-28", "--force"],
    ]),
  ];
const failed: string[] = [];
for (const [name, args] of runs) {
  console.log(`\n# ${name}`);
  const common = ["run", "-A", suite.pathname, "server", "--url", url];
  const output = ["-o", new URL("results/", cache).pathname];
  if (await run([...common, ...args, ...output], cache) !== 0) {
    failed.push(name);
  }
}
child.kill("SIGKILL");
await child.status;
console.log(
  failed.length === 0
    ? "\nconformance: as expected"
    : `\nconformance: FAILED ${failed.join(", ")}`,
);
Deno.exit(failed.length === 0 ? 0 : 1);
