/**
 * Weighs what each sub-path makes users load, and says what it is made of:
 * `deno task size`.
 *
 * Bundled and minified as users do it, then compressed. `tools/size.json` has
 * for every export how much that may be, the packages that it may import, and
 * the families of code that it contains. A family is known by names that
 * minifying keeps: all of them must turn up where it belongs, none elsewhere.
 */
import config from "../deno.json" with { type: "json" };
import size from "./size.json" with { type: "json" };

interface Budget {
  /** A sub-path, or a file. */
  readonly entry: string;
  readonly gzipBytes: number;
  /** What it may import that is not a file of this package. */
  readonly packages: string[];
  /** Its families of code. */
  readonly contains: string[];
  /** What is left out before it is weighed. */
  readonly without?: string[];
}

const families = new Map<string, string[]>(Object.entries(size.families));
const budgets: Budget[] = size.budgets;
const entries = new Map<string, string>(Object.entries(config.exports));
const problems = [...checkBudgets()];

if (problems.length === 0) {
  console.log("minified     gzip   budget  what");
  for (const budget of budgets) problems.push(...await weigh(budget));
}
for (const problem of problems) console.error(problem);
Deno.exit(problems.length > 0 ? 1 : 0);

/** Every export has a budget, every budget an entry, and every family a bundle that shows its names. */
function* checkBudgets(): Generator<string> {
  for (const entry of entries.keys()) {
    if (budgets.some((budget) => budget.entry === entry)) continue;
    yield `${entry} has no budget: give it one in tools/size.json`;
  }
  for (const { entry } of budgets) {
    if (entries.has(entry) || !entry.startsWith(".")) continue;
    yield `${entry} is not exported: take its budget out of tools/size.json`;
  }
  for (const family of families.keys()) {
    if (budgets.some(({ contains }) => contains.includes(family))) continue;
    yield `No budget contains ${family}, so nothing shows that its names are right: ` +
      "name the one that does in tools/size.json";
  }
}

async function weigh(budget: Budget): Promise<string[]> {
  const { entry, without = [], gzipBytes } = budget;
  const name = [entry, ...without].join(" less ");
  const path = entries.get(entry) ?? entry;
  const foreign = (await packagesOf(path)).difference(new Set(budget.packages));
  const code = await minified(path, without);
  const bytes = await gzipSize(code);
  const columns = [code.length, bytes, gzipBytes].map((bytes) =>
    String(bytes).padStart(8)
  );
  console.log(columns.join(" "), ` ${name}`);
  const problems = [...checkFamilies(code, budget)];
  if (foreign.size > 0) problems.push(`imports ${[...foreign].join(", ")}`);
  if (bytes > gzipBytes) {
    problems.push(`has ${bytes} bytes, more than ${gzipBytes}`);
  }
  return problems.map((problem) => `${name} ${problem}`);
}

function* checkFamilies(code: string, { contains }: Budget): Generator<string> {
  for (const [family, names] of families) {
    const found = names.filter((name) => code.includes(name));
    if (!contains.includes(family) && found.length > 0) {
      yield `contains ${family} (${found.join(", ")}): find the import that ` +
        "brings it, and move what both need into a file of its own";
    }
    if (contains.includes(family) && found.length < names.length) {
      const lost = names.filter((name) => !found.includes(name));
      yield `lacks ${lost.join(", ")}, by which ${family} is known: ` +
        "name what is there now in tools/size.json";
    }
  }
}

/** The packages that an entry imports, directly: what is not a file. */
async function packagesOf(entry: string): Promise<Set<string>> {
  interface Module {
    readonly specifier: string;
    readonly dependencies?: { code?: { specifier: string } }[];
  }
  const text = await output("info", "--json", entry);
  const { modules }: { modules: Module[] } = JSON.parse(text);
  const found = new Set<string>();
  for (const { specifier, dependencies = [] } of modules) {
    if (!specifier.startsWith("file:")) continue;
    for (const { code } of dependencies) {
      if (code === undefined || code.specifier.startsWith("file:")) continue;
      found.add(
        code.specifier.replace(
          /^(?:npm|jsr):\/?((?:@[^/]+\/)?[^@/]+).*$/,
          "$1",
        ),
      );
    }
  }
  return found;
}

async function minified(entry: string, without: string[]): Promise<string> {
  const externals = without.map((path) => `--external=${path}`);
  const options = ["--quiet", "--platform=browser", "--minify", ...externals];
  return await output("bundle", ...options, entry);
}

async function gzipSize(code: string): Promise<number> {
  const stream = new Blob([code]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).bytes()).length;
}

/** Of a Deno that fetches nothing from JSR: whether it answers must not change a weight. */
async function output(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [command, "--no-remote", ...args],
    cwd: new URL("..", import.meta.url).pathname,
  }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(new TextDecoder().decode(stderr));
}
