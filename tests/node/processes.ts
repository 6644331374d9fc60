/** The runtimes that have `node:http`, and running cases in them. */
import { assert, assertEquals } from "@std/assert";
import { bundle } from "../runtimes/bundle.ts";
import { installed } from "../runtimes/installed.ts";

/** By their commands; `undefined` where out of reach. */
export const RUNTIMES: Record<string, string[] | undefined> = {
  "Node as it is installed here": await find("node"),
  "Node 26": await fromNpm("node", "26.10.0"),
  "Bun": await fromNpm("bun", "1.4.5"),
  "Deno": [Deno.execPath(), "run", "-A", "--no-config"],
};

/** Whether a runtime has SQLite. */
export async function hasSqlite(command: string[]): Promise<boolean> {
  const [program, ...args] = command;
  const { stdout } = await new Deno.Command(program, {
    args: [...args.filter((it) => it !== "run"), "--version"],
  }).output().catch(() => ({ stdout: new Uint8Array() }));
  const version = /^v(\d+)\.(\d+)/.exec(new TextDecoder().decode(stdout));
  if (version === null) return true; // not Node
  const [, major, minor] = version.map(Number);
  return major > 22 || (major === 22 && minor >= 5);
}

/** Runs a file's `run` there; it must pass these cases, and all of them. */
export async function runCases(
  command: string[],
  file: string,
  names: readonly string[],
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const code = await bundle(file, "--external=bun:*");
  await Deno.writeTextFile(`${folder}/cases.mjs`, code);
  await Deno.writeTextFile(
    `${folder}/main.mjs`,
    'import { run } from "./cases.mjs";\nawait run();\n',
  );
  const [program, ...args] = command;
  const { stdout, stderr, success } = await new Deno.Command(program, {
    args: [...args, `${folder}/main.mjs`, folder],
  }).output();
  const [text, errors] = [stdout, stderr].map((it) =>
    new TextDecoder().decode(it)
  );
  assert(success, text + errors);
  const { passed, failed } = JSON.parse(text);
  assertEquals(failed, {}, errors);
  assertEquals(passed, names);
  await Deno.remove(folder, { recursive: true });
}

async function find(program: string): Promise<string[] | undefined> {
  const command = new Deno.Command(program, { args: ["--version"] });
  const found = await command.output().then((it) => it.success, () => false);
  return found ? [program] : undefined;
}

async function fromNpm(
  name: string,
  version: string,
): Promise<string[] | undefined> {
  const modules = await installed(name, version);
  return modules === undefined ? undefined : [`${modules}.bin/${name}`];
}
