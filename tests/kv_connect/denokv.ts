/** The real server of KV Connect, where `DENOKV_BIN` names its binary. */

import { temporaryFolder } from "../support/folder.ts";
import { freePort, type Listening, listensOn } from "../support/listen.ts";
import { until } from "../support/until.ts";

export const DENOKV: string | undefined = Deno.env.get("DENOKV_BIN");

/** Starts it on a store of its own. */
export async function startDenokv(token: string): Promise<Listening> {
  if (DENOKV === undefined) throw new TypeError("Set DENOKV_BIN");
  const folder = await temporaryFolder();
  const port = freePort();
  const child = new Deno.Command(DENOKV, {
    args: [
      "--sqlite-path",
      folder.file("kv.sqlite"),
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
  await until("denokv", () => listensOn(port));
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await folder[Symbol.asyncDispose]();
    },
  };
}
