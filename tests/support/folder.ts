/** A folder for one test, gone when it ends. */

export interface Folder extends AsyncDisposable {
  /** The path of a file in it. */
  file(name: string): string;
}

export async function temporaryFolder(): Promise<Folder> {
  const path = await Deno.makeTempDir();
  let isThere = true;
  return {
    file: (name) => `${path}/${name}`,
    async [Symbol.asyncDispose]() {
      if (isThere) await Deno.remove(path, { recursive: true });
      isThere = false;
    },
  };
}
