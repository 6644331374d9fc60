/** Servers in processes of their own, that can be killed. */
import { PARTIES } from "./parties.ts";

/** A real server in a process of its own: `tools/start.ts` or a file like it. */
export interface Process extends AsyncDisposable {
  readonly url: string;
  /** Ends it as a power cut would. */
  kill(signal?: Deno.Signal): Promise<void>;
  /** Settles once it has ended, by itself or not. */
  readonly ended: Promise<unknown>;
  /** Stops it as a frozen instance is stopped. */
  suspend(): void;
  resume(): void;
}

/** Starts a server process and waits until it listens. */
export async function startProcess(
  env: Record<string, string>,
  file = new URL("../../tools/start.ts", import.meta.url),
  [program, ...args]: string[] = [
    Deno.execPath(),
    "run",
    "-A",
    "--unstable-kv",
  ],
): Promise<Process> {
  const child = new Deno.Command(program, {
    args: [...args, file.pathname],
    env: {
      PORT: "0",
      COUNTERSIGN_SERVER_ID: PARTIES.serverId,
      COUNTERSIGN_SERVER_SECRET: PARTIES.serverSecret,
      COUNTERSIGN_CLIENTS: JSON.stringify(PARTIES.clients),
      ...env,
    },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let url: string | undefined;
  while (url === undefined) {
    const { done, value } = await lines.read();
    if (done) throw new Error(`The server ended before it listened: ${text}`);
    text += value;
    url = /Listening on (\S+)/.exec(text)?.[1];
  }
  const drained = (async () => {
    while (!(await lines.read()).done);
  })();
  let ended = false;
  const process: Process = {
    url,
    ended: child.status,
    async kill(signal: Deno.Signal = "SIGKILL") {
      if (ended) return;
      ended = true;
      try {
        child.kill(signal);
      } catch {
        // It has ended by itself.
      }
      await Promise.all([child.status, drained]);
    },
    suspend: () => child.kill("SIGSTOP"),
    resume: () => child.kill("SIGCONT"),
    [Symbol.asyncDispose]: () => process.kill(),
  };
  return process;
}
