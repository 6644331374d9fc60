/** Other runtimes and tools, from npm into `.cache/`, which git does not see. */

const ROOT = new URL("../../", import.meta.url);

/** What `npm` says where the registry cannot be reached. */
const OUT_OF_REACH =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|SOCKET_TIMEOUT/;

/**
 * The `node_modules` that hold a package and its dependencies.
 *
 * @returns `undefined`, the reason printed, where npm cannot be reached.
 */
export async function installed(
  name: string,
  version: string,
): Promise<string | undefined> {
  const folder = new URL(`.cache/npm/${name}@${version}/`, ROOT);
  const modules = new URL("node_modules/", folder).pathname;
  const done = new URL("installed", folder);
  if (await exists(done)) return modules;
  await Deno.mkdir(folder, { recursive: true });
  const args = ["install", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = new Deno.Command("npm", {
    args: [...args, "--prefix", folder.pathname, `${name}@${version}`],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stderr } = await npm.output().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const stderr = new TextEncoder().encode("ENOTFOUND: there is no npm here");
    return { success: false, stderr };
  });
  if (success) {
    await Deno.writeTextFile(done, "");
    return modules;
  }
  const text = new TextDecoder().decode(stderr);
  if (!OUT_OF_REACH.test(text)) throw new Error(text);
  console.log(`${name}@${version}: left out, npm cannot be reached`);
}

async function exists(url: URL): Promise<boolean> {
  return await Deno.stat(url).then(() => true, () => false);
}
