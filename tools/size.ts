/**
 * Weighs what each sub-path makes users load: `deno task size`.
 *
 * Bundled and minified as users do it, then compressed. Fails where a budget of
 * `tools/size.json` is exceeded, or a package turns up that a sub-path must not
 * import. `without` weighs the code less what it names.
 */
import config from "../deno.json" with { type: "json" };
import budgets from "./size.json" with { type: "json" };

interface Budget {
  /** A sub-path, or a file. */
  readonly entry: string;
  readonly gzipBytes: number;
  /** The npm packages that it may import. */
  readonly npm: string[];
  /** What is left out before it is weighed. */
  readonly without?: string[];
}

const entries: Record<string, string> = config.exports;
const failures: string[] = [];

console.log("minified     gzip   budget  what");
for (const budget of budgets as Budget[]) {
  const { entry, npm, without = [], gzipBytes } = budget;
  const name = [entry, ...without].join(" less ");
  const path = entry.startsWith(".") ? entries[entry] : entry;
  for (const foreign of await packagesOf(path)) {
    if (npm.includes(foreign)) continue;
    failures.push(`${name} imports ${foreign}`);
  }
  const code = await minified(path, without);
  const bytes = await gzipSize(code);
  const columns = [code.length, bytes, gzipBytes].map((bytes) =>
    String(bytes).padStart(8)
  );
  console.log(columns.join(" "), ` ${name}`);
  if (bytes > gzipBytes) {
    failures.push(`${name} has ${bytes} bytes, more than ${gzipBytes}`);
  }
}
for (const failure of failures) console.error(failure);
Deno.exit(failures.length > 0 ? 1 : 0);

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
        code.specifier.replace(/^npm:\/?((?:@[^/]+\/)?[^@/]+).*$/, "$1"),
      );
    }
  }
  return found;
}

async function minified(
  entry: string,
  without: string[],
): Promise<Uint8Array<ArrayBuffer>> {
  const externals = without.map((path) => `--external=${path}`);
  const options = ["--quiet", "--platform=browser", "--minify", ...externals];
  return new TextEncoder().encode(await output("bundle", ...options, entry));
}

async function gzipSize(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  const stream = new Blob([bytes]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return (await new Response(stream).bytes()).length;
}

async function output(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: new URL("..", import.meta.url).pathname,
  }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(new TextDecoder().decode(stderr));
}
