/** Bundles as users make them: one file, nothing of the platform's in it. */

/** Bundles an entry; its imports of `node:` and `cloudflare:` stay. */
export async function bundle(
  entry: string,
  ...flags: string[]
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--platform=browser",
      "--external=node:*",
      "--external=cloudflare:*",
      ...flags,
      new URL(entry, import.meta.url).pathname,
    ],
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const code = new TextDecoder().decode(stdout);
  // Without a handler, workerd asks itself until it runs out of files.
  if (!/export\s*\{/.test(code)) throw new Error(`${entry} exports nothing`);
  return code;
}
