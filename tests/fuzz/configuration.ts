/** Secrets written in the wrong place: nobody is told them, here or outside. */
import fc from "npm:fast-check@4.10.2";
import { createServer, type ServerOptions } from "../../mod.ts";
import { fromEnvironment } from "../../src/ready_made/env.ts";
import { request, signed } from "../support/envelopes.ts";
import { inspectLine } from "./aftermath.ts";
import type { Line } from "./observed_server.ts";
import type { Kind } from "./run.ts";
import { brief, must, Violation } from "./violation.ts";

interface ConfigurationCase {
  /** Values by variable; a variable that is not there is not set. */
  readonly env: Readonly<Record<string, string>>;
  readonly method: "GET" | "POST";
  readonly path: string;
}

/** None is of an id's alphabet: nobody can tell a secret that is from a name. */
const SECRETS = [
  "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
  "a secret with spaces, that is long enough to be one",
  "too/short=",
];

const secret = fc.constantFrom(...SECRETS);
const value = fc.oneof(
  { weight: 2, arbitrary: secret },
  { weight: 1, arbitrary: secret.map((secret) => `${secret}\n`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "mcp-server-001",
      "",
      "https://kv.example/",
      "x",
    ),
  },
);
const clients = fc.oneof(
  secret.map((secret) => JSON.stringify({ "client-001": secret })),
  secret.map((secret) => JSON.stringify({ [secret]: "client-001" })),
  secret.map((secret) => JSON.stringify([secret])),
  secret.map((secret) => JSON.stringify(secret)),
  secret.map((secret) => `{"client-001":"${secret}`),
  secret.map((secret) => `client-001=${secret}`),
  fc.tuple(secret, secret).map(([secret, name]) =>
    JSON.stringify({ "client-001": { secret, tools: [name] } })
  ),
  fc.tuple(secret, secret).map(([secret, tools]) =>
    JSON.stringify({ "client-001": { secret, tools } })
  ),
  secret.map((secret) => JSON.stringify({ "client-001": { [secret]: 1 } })),
  secret.map((secret) => JSON.stringify({ "client-001": [secret, 5] })),
  secret.map((secret) =>
    JSON.stringify({ "client-001": { secret, extra: secret } })
  ),
  value,
);

const optional = (arbitrary: fc.Arbitrary<string>) =>
  fc.option(arbitrary, { nil: undefined, freq: 8 });

export const configuration: Kind<ConfigurationCase> = {
  name: "configuration",
  weight: 0.5,
  cases: fc.record({
    env: fc.record({
      COUNTERSIGN_SERVER_ID: optional(
        fc.oneof(fc.constant("mcp-server-001"), value),
      ),
      COUNTERSIGN_SERVER_SECRET: optional(value),
      COUNTERSIGN_CLIENTS: optional(clients),
      COUNTERSIGN_KV_URL: optional(
        fc.oneof(
          value,
          secret.map((secret) => `https://user:${secret}@kv.example/`),
          secret.map((secret) => `http://kv.example/?token=${secret}`),
          secret.map((secret) => `https://${secret}`),
        ),
      ),
      COUNTERSIGN_KV_TOKEN: optional(value),
    }).map((env) =>
      Object.fromEntries(
        Object.entries(env).filter(([, value]) => value !== undefined),
      ) as Record<string, string>
    ),
    method: fc.constantFrom("GET", "POST"),
    path: fc.constantFrom("/", "/mcp", "/healthz", "/nothing"),
  }),
  open: () =>
    Promise.resolve({
      check: checkConfiguration,
      close: () => Promise.resolve(),
    }),
};

async function checkConfiguration(
  { env, method, path }: ConfigurationCase,
): Promise<void> {
  const lines: Line[] = [];
  const console = captureConsole(lines);
  const read = (): ServerOptions => ({
    ...fromEnvironment({
      COUNTERSIGN_SERVER_ID: "",
      COUNTERSIGN_SERVER_SECRET: "",
      COUNTERSIGN_CLIENTS: "",
      COUNTERSIGN_KV_URL: "",
      COUNTERSIGN_KV_TOKEN: "",
      ...env,
    }),
    log: (level, message, fields) => lines.push({ level, message, fields }),
  });
  const server = createServer(read);
  try {
    const url = `http://localhost${path}`;
    const sent = method === "GET" ? new Request(url) : request(signed());
    const asked = method === "GET" ? sent : new Request(url, sent);
    const response = await server.handle(asked);
    checkTold(await response.text(), "an answer");
    checkTold([...response.headers.values()].join(), "a header");
  } catch (error) {
    if (error instanceof Violation) throw error;
    must(false, "a request is always answered", `handle threw: ${error}`);
  } finally {
    console.restore();
    await server.stop();
  }
  for (const line of lines) checkTold(inspectLine(line), "a line of the log");
  checkThrown(read);
}

/** What the author of a server reads may be copied into an issue. */
function checkThrown(read: () => ServerOptions): void {
  try {
    createServer(read());
  } catch (error) {
    const { message } = error as Error;
    checkTold(message, "an error that createServer throws");
  }
}

function checkTold(text: string, where: string): void {
  const told = SECRETS.find((secret) =>
    text.includes(secret) || text.includes(encodeURIComponent(secret)) ||
    text.includes(secret.toLowerCase())
  );
  must(
    told === undefined,
    "no secret is told",
    () => `in ${where}: ${brief(text)}`,
  );
}

/** Where no server is configured, the console takes the log. */
function captureConsole(lines: Line[]): { restore(): void } {
  const { error, warn, info } = console;
  for (const level of ["error", "warn", "info"] as const) {
    console[level] = (...parts: unknown[]) =>
      lines.push({ level, message: "", fields: { parts } });
  }
  return {
    restore: () => Object.assign(console, { error, warn, info }),
  };
}
