/** The real server of KV Connect, where `DENOKV_BIN` names its binary. */

export const DENOKV: string | undefined = Deno.env.get("DENOKV_BIN");
if (DENOKV === undefined) {
  console.log("denokv itself: left out, set DENOKV_BIN to its binary");
}

export interface Served extends AsyncDisposable {
  readonly url: string;
}

/** Starts it on a store of its own. */
export async function startDenokv(token: string): Promise<Served> {
  if (DENOKV === undefined) throw new TypeError("Set DENOKV_BIN");
  const folder = await Deno.makeTempDir();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const child = new Deno.Command(DENOKV, {
    args: [
      "--sqlite-path",
      `${folder}/kv.sqlite`,
      "serve",
      "--access-token",
      token,
      "--addr",
      `127.0.0.1:${port}`,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const url = `http://127.0.0.1:${port}/`;
  for (let tries = 0;; tries++) {
    try {
      await (await fetch(url)).body?.cancel();
      break;
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}
