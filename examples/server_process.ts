/**
 * A server in a process of its own, for the examples: `deno task start` on a
 * free port, which can be killed.
 */

/** A running server. */
export interface ServerProcess extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string;
  /** Ends it; "SIGKILL" as a power cut would. */
  kill(signal: Deno.Signal): Promise<void>;
}

/** Starts a server and waits until it listens. */
export async function startServer(
  env: Record<string, string>,
): Promise<ServerProcess> {
  const file = new URL("../tools/start.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--unstable-kv", file.href],
    env: { ...env, PORT: "0" },
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let url: string | undefined;
  while (url === undefined) {
    const { done, value } = await reader.read();
    if (done) throw new Error("The server did not start");
    text += value;
    url = /Listening on (\S+)/.exec(text)?.[1];
  }
  let ended: Promise<void> | undefined;
  const kill = (signal: Deno.Signal): Promise<void> =>
    ended ??= (async () => {
      child.kill(signal);
      while (!(await reader.read()).done);
      await child.status;
    })();
  return { url, kill, [Symbol.asyncDispose]: () => kill("SIGKILL") };
}
