/** A PostgreSQL of a test's own, from the programs of Debian's package or others like it. */

/** Folders that may hold the programs; `PG_BIN` comes before them. */
const FOLDERS = [
  Deno.env.get("PG_BIN"),
  ...[18, 17, 16, 15, 14, 13].map((it) => `/usr/lib/postgresql/${it}/bin`),
  "/usr/local/pgsql/bin",
  "/opt/homebrew/bin",
  "/usr/bin",
];

/** The folder of `initdb` and `postgres`; `undefined` where there are none. */
export const POSTGRES: string | undefined = FOLDERS.find((folder) =>
  folder !== undefined &&
  ["initdb", "postgres"].every((name) => exists(`${folder}/${name}`))
);
if (POSTGRES === undefined) {
  console.log("PostgreSQL: left out, install it or set PG_BIN to its programs");
}

/** The server refuses to run as root: then it runs as this user, nobody. */
const USER = Deno.uid() === 0 ? { uid: 65534, gid: 65534 } : {};

export interface Postgres extends AsyncDisposable {
  /** Where its database is. */
  readonly url: string;
  /** The process id of the postmaster. */
  readonly pid: number;
  /** Ends all of it as a power cut would end the process. */
  kill(): Promise<void>;
  /** Starts it again on the same files and port. */
  start(): Promise<void>;
}

/** Makes a cluster in a temporary folder, and starts it on a free port. */
export async function startPostgres(
  settings: Record<string, string> = {},
): Promise<Postgres> {
  if (POSTGRES === undefined) throw new TypeError("Install PostgreSQL");
  const folder = await Deno.makeTempDir({ prefix: "postgres" });
  const data = `${folder}/data`;
  if (USER.uid) await Deno.chown(folder, USER.uid, USER.gid);
  const made = await command("initdb", [
    ...["-D", data, "-U", "test", "-A", "trust", "-E", "UTF8"],
    ...["--no-sync", "--locale=C"],
  ]).output();
  if (!made.success) throw new Error(new TextDecoder().decode(made.stderr));
  const port = freePort();
  const url = `postgres://test@127.0.0.1:${port}/postgres`;
  const args = ["-D", data, "-p", String(port), "-k", folder];
  const all = { listen_addresses: "127.0.0.1", ...settings };
  for (const [name, value] of Object.entries(all)) {
    args.push("-c", `${name}=${value}`);
  }
  let child: Deno.ChildProcess | undefined;

  async function start(): Promise<void> {
    for (let tries = 0;; tries++) {
      child = command("postgres", args).spawn();
      if (await isReady(child)) return;
      // Processes of one that was killed may hold its memory for a moment.
      if (tries > 50) throw new Error("PostgreSQL does not start");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async function stop(signal: Deno.Signal): Promise<void> {
    child?.kill(signal);
    await child?.status;
    child = undefined;
  }

  await start();
  return {
    url,
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    kill: () => stop("SIGKILL"),
    async [Symbol.asyncDispose]() {
      await stop("SIGQUIT");
      await Deno.remove(folder, { recursive: true });
    },
  };
}

function command(name: string, args: string[]): Deno.Command {
  return new Deno.Command(`${POSTGRES}/${name}`, {
    args,
    ...USER,
    cwd: "/",
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Waits until it says that it takes connections; `false` if it ends before. */
async function isReady(child: Deno.ChildProcess): Promise<boolean> {
  await child.stdout.cancel();
  const lines = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("ready to accept connections")) {
    const { done, value } = await lines.read();
    if (done) {
      await child.status;
      if (/shared memory block|lock file|in use/.test(text)) return false;
      throw new Error(text);
    }
    text += value;
  }
  void drain(lines);
  return true;
}

async function drain(lines: ReadableStreamDefaultReader<string>) {
  while (!(await lines.read()).done);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
