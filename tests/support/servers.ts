/** Servers for tests: in this process on a KV in memory, or in processes of their own. */
import {
  batch_sum,
  createServer,
  defineTool,
  type Server,
  type ServerOptions,
  start_long_task,
  ToolError,
  type,
} from "../../mod.ts";
import {
  CLIENT_ID,
  type Fields,
  OTHER_ID,
  OTHER_SECRET,
  request,
  SECRET,
  SERVER_ID,
  SERVER_SECRET,
} from "./envelopes.ts";

const nothing = type({});

/** A tool of every kind of behaviour. */
export const tools = {
  batch_sum,
  start_long_task,
  echo: defineTool({
    description: "Gives back what it got",
    input: type({ "value?": "unknown" }),
    run: ({ value }) => ({ value: value as never }),
  }),
  fails: defineTool({
    description: "Throws what nobody may see",
    input: nothing,
    run: (): string => {
      throw new Error("the password is hunter2");
    },
  }),
  refuses: defineTool({
    description: "Throws what the caller should read",
    input: nothing,
    run: (): string => {
      throw new ToolError("The shelf is empty; fill it first");
    },
  }),
  breaks_its_word: defineTool({
    description: "Returns what its output schema does not allow",
    input: nothing,
    output: type({ total: "number" }),
    run: () => ({ total: "many" }) as never,
  }),
  returns_a_date: defineTool({
    description: "Returns what is not JSON",
    input: nothing,
    run: () => new Date(0) as unknown as string,
  }),
  returns_much: defineTool({
    description: "Returns more than a server may send",
    input: type({ bytes: "number" }),
    run: ({ bytes }) => "x".repeat(bytes),
  }),
  is_slow: defineTool({
    description: "Takes longer than it may",
    input: nothing,
    timeoutMs: 20,
    run: () => new Promise<string>(() => {}),
  }),
  answers_now: defineTool({
    description: "A job that is done at once",
    input: type({ value: "number" }),
    job: true,
    run: ({ value }) => ({ value }),
  }),
  waits_forever: defineTool({
    description: "A job that ends only when it is cancelled",
    input: nothing,
    job: true,
    run: (_args, { signal }) =>
      new Promise<string>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  }),
};

export interface TestServer extends Server {
  readonly kv: Deno.Kv;
  /** Lines of the log. */
  readonly lines: { level: string; message: string; fields: Fields }[];
  /** Sends a body; the answer's status and envelope. */
  post(body: string): Promise<{ status: number; answer: Fields }>;
}

/** A server in this process, stopped with its KV when the test ends. */
export async function withServer(
  use: (server: TestServer) => Promise<void>,
  options: Partial<ServerOptions> = {},
): Promise<void> {
  using kv = await Deno.openKv(":memory:");
  const lines: TestServer["lines"] = [];
  const server = createServer({
    serverId: SERVER_ID,
    serverSecret: SERVER_SECRET,
    clients: { [CLIENT_ID]: SECRET, [OTHER_ID]: OTHER_SECRET },
    tools,
    kv,
    log: (level, message, fields) => lines.push({ level, message, fields }),
    ...options,
  });
  try {
    await use({
      ...server,
      kv,
      lines,
      post: (body) => post(server.handle, body),
    });
  } finally {
    await server.stop();
  }
}

export async function post(
  handle: (request: Request) => Response | Promise<Response>,
  body: string,
): Promise<{ status: number; answer: Fields }> {
  const response = await handle(request(body));
  return { status: response.status, answer: await response.json() };
}

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
): Promise<Process> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--unstable-kv", file.pathname],
    env: {
      PORT: "0",
      COUNTERSIGN_SERVER_ID: SERVER_ID,
      COUNTERSIGN_SERVER_SECRET: SERVER_SECRET,
      COUNTERSIGN_CLIENTS: JSON.stringify({
        [CLIENT_ID]: SECRET,
        [OTHER_ID]: OTHER_SECRET,
      }),
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
