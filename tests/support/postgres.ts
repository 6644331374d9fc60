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
  /** Ends all of it as a power cut would end the process. */
  kill(): Promise<void>;
  /** Starts it again on the same files and port. */
  start(): Promise<void>;
  /** Ends it without waiting. */
  abandon(): void;
}

/** Makes a cluster in a temporary folder, and starts it on a free port. */
export async function startPostgres(): Promise<Postgres> {
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
  const settings = ["listen_addresses=127.0.0.1", "log_destination=stderr"];
  settings.push("logging_collector=on", `log_directory=${folder}`);
  const args = ["-D", data, "-p", String(port), "-k", folder];
  args.push(...settings.flatMap((setting) => ["-c", setting]));
  let child: Deno.ChildProcess | undefined;

  async function start(): Promise<void> {
    for (let tries = 0;; tries++) {
      child = command("postgres", args, "null").spawn();
      if (await isReady(child, data)) return;
      // Processes of one that was killed may hold its memory for a moment.
      if (tries > 50) throw new Error(`PostgreSQL does not start: ${folder}`);
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
    url: `postgres://test@127.0.0.1:${port}/postgres`,
    start,
    kill: () => stop("SIGKILL"),
    async [Symbol.asyncDispose]() {
      await stop("SIGQUIT");
      await Deno.remove(folder, { recursive: true });
    },
    abandon() {
      child?.kill("SIGQUIT");
      Deno.removeSync(folder, { recursive: true });
    },
  };
}

/** One for all tests of a file, which each take a table of their own. */
export async function sharedPostgres(): Promise<string | undefined> {
  if (POSTGRES === undefined) return undefined;
  const { url, abandon } = await startPostgres();
  globalThis.addEventListener("unload", abandon);
  return url;
}

/** A table that no other test has. */
export function newTable(): string {
  return `kv_${crypto.randomUUID().replaceAll("-", "")}`;
}

function command(
  name: string,
  args: string[],
  output: "null" | "piped" = "piped",
): Deno.Command {
  return new Deno.Command(`${POSTGRES}/${name}`, {
    args,
    ...USER,
    cwd: "/",
    stdin: "null",
    stdout: output,
    stderr: output,
  });
}

/** Waits until its file says that it takes connections; `false` if it ends before. */
async function isReady(
  child: Deno.ChildProcess,
  data: string,
): Promise<boolean> {
  let ended = false;
  void child.status.then(() => ended = true);
  while (!ended) {
    const lines = await Deno.readTextFile(`${data}/postmaster.pid`)
      .then((text) => text.split("\n"), () => []);
    // The first line is whose file it is, the eighth how that one stands.
    if (lines[0] === String(child.pid) && lines[7]?.trim() === "ready") {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
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
