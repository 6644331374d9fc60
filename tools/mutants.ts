/**
 * Breaks one promise at a time, and sees that a test notices:
 * `deno task mutants [words]`, with words for those whose promise has them.
 *
 * What is broken, and by which tests it should be noticed, stands in
 * `tests/mutants/`. It is done in a copy: this tree stays as it is.
 */
import { type Mutant, MUTANTS } from "../tests/mutants/mod.ts";

/** What a copy can do without. */
const LEFT_OUT = [".git", ".cache", "node_modules", "coverage"];
/** A mutant that hangs has been noticed, too. */
const LONGEST_MS = 120_000;

const root = new URL("../", import.meta.url);
const words = Deno.args.join(" ").toLowerCase();
const chosen = MUTANTS.filter(({ promise }) =>
  promise.toLowerCase().includes(words)
);

const problems = (await Promise.all(MUTANTS.map(findProblem)))
  .filter((problem) => problem !== undefined);
const copy = new URL(`file://${await Deno.makeTempDir()}/`);
try {
  await copyTree(root, copy);
  const std = await stdFlag();
  const sound = await passes(std) || await passes(std);
  if (!sound) problems.push("The tests fail without any mutant");
  let killed = 0;
  for (const mutant of sound && problems.length === 0 ? chosen : []) {
    const began = performance.now();
    const { isKilled, by } = await tryMutant(mutant, std);
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(`${isKilled ? "killed  " : "SURVIVED"} ${mutant.promise}`);
    console.log(`         ${by} (${seconds} s)`);
    if (isKilled) killed++;
    else problems.push(`Survived: ${mutant.promise} (${mutant.file})`);
  }
  for (const problem of problems) console.error(problem);
  console.log(`${killed} of ${chosen.length} mutants killed`);
} finally {
  await Deno.remove(copy, { recursive: true });
}
Deno.exit(problems.length > 0 ? 1 : 0);

/** Says why a mutant is none. */
async function findProblem(
  { promise, file, find, replace, tests }: Mutant,
): Promise<string | undefined> {
  const text = await Deno.readTextFile(new URL(file, root));
  const times = text.split(find).length - 1;
  if (times !== 1) return `${promise}: found ${times} times in ${file}`;
  if (find === replace) return `${promise}: changes nothing`;
  for (const test of tests) {
    const isThere = await Deno.stat(new URL(test, root))
      .then(() => true, () => false);
    if (!isThere) return `${promise}: there is no ${test}`;
  }
}

async function copyTree(from: URL, to: URL): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (LEFT_OUT.includes(name)) continue;
    const path = encodeURIComponent(name);
    if (isDirectory) {
      await copyTree(new URL(`${path}/`, from), new URL(`${path}/`, to));
    } else if (isFile) {
      await Deno.copyFile(new URL(path, from), new URL(path, to));
    }
  }
}

/** Where `@std` comes from, as in every task. */
async function stdFlag(): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "-q", "std"],
    cwd: root,
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).split(/\s+/).filter(Boolean);
}

/** Whether the tests pass as things are: else it proves nothing that they fail. */
async function passes(std: string[]): Promise<boolean> {
  const tests = [...new Set(chosen.flatMap(({ tests }) => tests))];
  if (tests.length === 0) return true;
  const { success, said } = await runTests(std, tests, 5 * LONGEST_MS);
  if (!success) console.error(said);
  return success;
}

/** Breaks the copy, runs the tests, and mends it. */
async function tryMutant(
  { file, find, replace, tests }: Mutant,
  std: string[],
): Promise<{ isKilled: boolean; by: string }> {
  const url = new URL(file, copy);
  const text = await Deno.readTextFile(url);
  await Deno.writeTextFile(url, text.replace(find, () => replace));
  const { success, said } = await runTests(std, tests, LONGEST_MS);
  await Deno.writeTextFile(url, text);
  if (said === undefined) return { isKilled: true, by: "it never ended" };
  if (success) return { isKilled: false, by: "no test noticed" };
  // One that cannot even be loaded proves nothing about the tests.
  const [, by] = /^(?!.*\(uncaught error\))(.+) => \.\//m.exec(said) ?? [];
  if (by === undefined) console.error(said);
  return { isKilled: by !== undefined, by: by ?? "it could not be run" };
}

/** `said` is `undefined` where the time was up. */
async function runTests(
  std: string[],
  tests: readonly string[],
  ms: number,
): Promise<{ success: boolean; said: string | undefined }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--fail-fast", ...std, ...tests],
    cwd: copy,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, ms);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const texts = [stdout, stderr].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  return { success, said: isLate ? undefined : texts.join("") };
}
