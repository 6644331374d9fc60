/** The real runtime of Cloudflare Workers, started with a bundle. */
import { temporaryFolder } from "../support/folder.ts";
import { installed } from "./installed.ts";

/**
 * The `node_modules` that hold it; `undefined` where npm is out of reach. The
 * newest that Deno too can install from npm; pinned, as its dates are.
 */
export const WORKERD: string | undefined = await installed(
  "workerd",
  "1.20261023.1",
);

export interface WorkerdOptions {
  code: string;
  /** Bindings: environment variables and secrets are strings. */
  env?: Record<string, string>;
  date: string;
  flags?: string[];
}

export interface Workerd extends AsyncDisposable {
  readonly url: string;
  /** Calls the Worker's `scheduled`, as a cron trigger does. */
  scheduled(): Promise<void>;
  /** Ends it at once, in the middle of whatever it does. */
  kill(): Promise<void>;
  /** What it wrote to standard error, and what the Worker logged. */
  log(): string;
}

/** Takes the place of the cron: a Worker that calls another's `scheduled`. */
const CRON = `export default {
  async fetch(request, env) {
    const { outcome } = await env.MAIN.scheduled({ cron: "* * * * *", scheduledTime: new Date() });
    return new Response(outcome, { status: outcome === "ok" ? 200 : 500 });
  },
};`;

/** Starts a Worker. */
export async function startWorkerd(options: WorkerdOptions): Promise<Workerd> {
  if (WORKERD === undefined) throw new TypeError("workerd is not installed");
  const folder = await temporaryFolder();
  await Deno.writeTextFile(folder.file("main.js"), options.code);
  await Deno.writeTextFile(folder.file("cron.js"), CRON);
  await Deno.writeTextFile(folder.file("config.capnp"), configOf(options));
  const child = new Deno.Command(`${WORKERD}.bin/workerd`, {
    args: [
      "serve",
      "--experimental",
      "--control-fd=1",
      folder.file("config.capnp"),
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let log = "";
  const write = (text: string) => void (log += text);
  const errors = child.stderr.pipeThrough(new TextDecoderStream())
    .pipeTo(new WritableStream({ write }));
  const ports = new Map<string, number>();
  const control = child.stdout.pipeThrough(new TextDecoderStream()).getReader();

  async function end(signal: Deno.Signal): Promise<void> {
    try {
      child.kill(signal);
    } catch {
      // it has ended already
    }
    await child.status;
    await Promise.all([errors, control.cancel()]);
    await folder[Symbol.asyncDispose]();
  }

  let said = "";
  while (ports.size < 2) {
    const { value, done } = await control.read();
    if (done) {
      await end("SIGKILL");
      throw new Error(`workerd did not start: ${log}`);
    }
    said += value;
    for (
      const [, socket, port] of said.matchAll(/"socket":"(\w+)","port":(\d+)}/g)
    ) {
      ports.set(socket, Number(port));
    }
  }
  return {
    url: `http://127.0.0.1:${ports.get("http")}/`,
    async scheduled() {
      const response = await fetch(`http://127.0.0.1:${ports.get("cron")}/`);
      const outcome = await response.text();
      if (!response.ok) throw new Error(`scheduled: ${outcome}\n${log}`);
    },
    kill: () => end("SIGKILL"),
    log: () => log,
    [Symbol.asyncDispose]: () => end("SIGTERM"),
  };
}

function configOf({ env = {}, date, flags = [] }: WorkerdOptions): string {
  const text = JSON.stringify;
  const bindings = Object.entries(env).map(([name, value]) =>
    `(name = ${text(name)}, text = ${text(value)})`
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "cron", worker = .cron),
    (name = "internet", network = (allow = ["127.0.0.1/32"])),
  ],
  sockets = [
    (name = "http", address = "127.0.0.1:0", http = (), service = "main"),
    (name = "cron", address = "127.0.0.1:0", http = (), service = "cron"),
  ],
);
const main :Workerd.Worker = (
  modules = [(name = "main.js", esModule = embed "main.js")],
  compatibilityDate = ${text(date)},
  compatibilityFlags = [${flags.map((flag) => text(flag)).join(", ")}],
  bindings = [${bindings.join(", ")}],
);
const cron :Workerd.Worker = (
  modules = [(name = "cron.js", esModule = embed "cron.js")],
  compatibilityDate = "2026-10-23",
  compatibilityFlags = ["service_binding_extra_handlers"],
  bindings = [(name = "MAIN", service = "main")],
);
`;
}
