/** A secret where something else belongs: no answer and no line of the log has it. */
import { assert, assertThrows } from "@std/assert";
import { bearer } from "../src/bearer.ts";
import { main as startProxy } from "../src/cli/mod.ts";
import { createClient } from "../src/client/mod.ts";
import { connectKv } from "../src/kv_connect/mod.ts";
import { createServer, type ServerOptions } from "../mod.ts";
import { fromEnvironment } from "../src/ready_made/env.ts";
import { signedFetch } from "../src/signatures/mod.ts";
import { request, signed } from "./support/envelopes.ts";
import { SECRET, SERVER_ID, SERVER_SECRET } from "./support/parties.ts";
import { mcpRequest } from "./support/mcp.ts";
import { tools } from "./support/tools.ts";

/** As `openssl rand` makes them in hex and base64, typed, and with a line feed. */
const MISPLACED = [
  "5f4912b038fa0cf54359223a59a744d281840016283749613b25cad6e04e7022",
  "q83v+/7x1Ssb0ZkqJxA5Tf3+VbSJm0sR0m4mG2p0W1c=",
  "correct horse battery staple, and then some",
  "5f4912b038fa0cf54359223a59a744d281840016283749613b25cad6e04e7022\n",
  "https://user:correct-horse-battery@kv.internal/",
  "quoted \"5f4912b038fa0cf5\" '5f4912b038fa0cf5'",
];

/** What the console was given while something ran. */
async function logged(run: () => unknown): Promise<string> {
  const { info, warn, error } = console;
  const lines: string[] = [];
  const take = (...parts: unknown[]) =>
    lines.push(...parts.map((part) => Deno.inspect(part, { depth: 9 })));
  Object.assign(console, { info: take, warn: take, error: take });
  try {
    await run();
  } catch (error) {
    take(error);
  } finally {
    Object.assign(console, { info, warn, error });
  }
  return lines.join("\n");
}

/** Whether a text has a secret, or a good part of it. */
function betrays(text: string, secret: string): boolean {
  const parts = secret.replace("https://", "").trim().match(/[^"'\s]{8}/g) ??
    [];
  return parts.some((part) => text.includes(part));
}

/** Everything that strangers and the log get from a server that is set up wrongly. */
async function told(
  options: ServerOptions | ((env: unknown) => ServerOptions),
  env?: unknown,
): Promise<string> {
  const answers: string[] = [];
  const log = await logged(async () => {
    const { handle, work, stop } = createServer(options);
    const requests = [
      request(signed()),
      mcpRequest("tools/list"),
      new Request("http://localhost/", { headers: { accept: "text/html" } }),
      new Request("http://localhost/healthz"),
    ];
    for (const each of requests) {
      answers.push(await (await handle(each, env)).text());
    }
    await work({ env }).finally(stop);
  });
  return [...answers, log].join("\n");
}

const options = {
  serverId: SERVER_ID,
  serverSecret: SERVER_SECRET,
  clients: { "client-001": SECRET },
  tools: { batch_sum: tools.batch_sum },
  nonces: { store: "memory" as const },
};

for (const [at, secret] of MISPLACED.entries()) {
  const short = "client-001";

  Deno.test(`a secret in the wrong variable is told to nobody: ${at + 1}`, async () => {
    const env: Record<string, string> = {
      COUNTERSIGN_SERVER_ID: SERVER_ID,
      COUNTERSIGN_SERVER_SECRET: SERVER_SECRET,
      COUNTERSIGN_CLIENTS: JSON.stringify({ "client-001": SECRET }),
      COUNTERSIGN_KV_URL: ":memory:",
    };
    const wrong: Record<string, string>[] = [
      // A secret's id may look like one: it is the other that is wrong then.
      { COUNTERSIGN_SERVER_ID: secret, COUNTERSIGN_SERVER_SECRET: short },
      { COUNTERSIGN_CLIENTS: secret },
      { COUNTERSIGN_CLIENTS: `"${secret}"` },
      ...[
        secret,
        [secret],
        { [secret]: short },
        { [secret]: null },
        { [secret]: {} },
        { [secret]: [] },
        { [secret]: { secret: short } },
        { [secret]: { secret: SECRET, tools: secret } },
        { [short]: { [secret]: secret } },
        { [short]: { secret: [secret, 1] } },
        { [short]: { secret: SECRET, tools: [1, secret] } },
      ].map((table) => ({ COUNTERSIGN_CLIENTS: JSON.stringify(table) })),
      { COUNTERSIGN_KV_URL: `${secret.trim()}/none/kv.db` },
      { COUNTERSIGN_KV_URL: `http://${encodeURIComponent(secret)}/` },
      {
        COUNTERSIGN_KV_URL: `http://${encodeURIComponent(secret)}/`,
        COUNTERSIGN_KV_TOKEN: secret,
      },
      {
        COUNTERSIGN_KV_URL: "http://kv.example/",
        COUNTERSIGN_KV_TOKEN: secret,
      },
    ];
    for (const change of wrong) {
      const text = await told(fromEnvironment, { ...env, ...change });
      assert(/not_configured|cannot open/.test(text), text);
      assert(!betrays(text, secret), text);
    }
  });

  Deno.test(`a secret in the wrong option is told to nobody: ${at + 1}`, async () => {
    const tool = tools.batch_sum;
    const wrong: object[] = [
      { serverId: `${secret} ` },
      { serverId: secret, serverSecret: short },
      { serverSecret: [secret] },
      { clients: [secret] },
      { clients: { [`${secret} `]: SECRET } },
      { clients: { [secret]: short } },
      { clients: { [secret]: { secret: SECRET, tools: secret } } },
      { tools: { [`${secret} `]: tool } },
      { mcp: { path: secret } },
      { mcp: { authenticate: secret } },
      { allowedOrigins: [secret] },
      { publicUrl: secret },
      { publicUrl: `${secret}?` },
      { pathPrefix: secret },
    ];
    for (const change of wrong) {
      const whole = { ...options, ...change } as ServerOptions;
      for (const given of [whole, () => whole]) {
        const text = await told(given);
        assert(/not_configured: |(Type|Range)Error: /.test(text), text);
        assert(!betrays(text, secret), text);
      }
    }
  });

  Deno.test(`a secret that an author's own code stumbles over is told to nobody: ${at + 1}`, async () => {
    const wrong: (() => ServerOptions)[] = [
      () => JSON.parse(secret),
      () => JSON.parse(`{"client-001": "${secret.trim()}`),
      () => (new URL(`//${secret}`), options),
      () => JSON.parse(`{"a": ${secret}}`),
    ];
    for (const make of wrong) {
      const text = await told(make);
      assert(text.includes("not_configured"), text);
      assert(!betrays(text, secret), text);
    }
    // What a call finds wrong only later is logged.
    const id = `${secret} `;
    const late = await told({
      ...options,
      mcp: { authenticate: () => Promise.resolve({ id }) },
    });
    assert(late.includes("authenticate gave an id"), late);
    assert(!betrays(late, secret), late);
  });

  Deno.test(`a secret in the wrong place of a client is told to nobody: ${at + 1}`, async () => {
    const ids = { clientId: "client-001", serverId: SERVER_ID, secret: SECRET };
    const proxy = ["proxy", "--url", "https://x/", "--server", "s"];
    const wrong: (() => unknown)[] = [
      () => bearer({ [secret]: short }),
      () => bearer({ [short]: `${secret} ` }),
      () => bearer({ [secret]: [secret, secret] }),
      () => signedFetch({ ...ids, clientId: secret, secret: short }),
      () => signedFetch({ ...ids, serverId: `${secret} ` }),
      () => signedFetch({ ...ids, secret: `${secret} ` }),
      () =>
        createClient({
          ...ids,
          url: "http://x/",
          clientId: secret,
          secret: short,
        }),
      () => createClient({ ...ids, url: "http://x/", secret: `${secret} ` }),
      () => createClient({ ...ids, url: `//${secret}` }),
      () => createClient({ ...ids, url: `https://x y/${secret}` }),
      () =>
        startProxy([
          "proxy",
          "--url",
          `https://me:${encodeURIComponent(secret)}@x/`,
          "--server",
          "s",
          "--client",
          "c",
        ], SECRET),
      () => connectKv({ url: secret, token: short }),
      () => connectKv({ url: "https://kv.example/", token: `${secret}\n` }),
      () => startProxy([...proxy, "--client", secret, "--port", "0"], short),
      () => startProxy([...proxy, "--client", "c", "--port", secret], SECRET),
      () =>
        startProxy([
          "proxy",
          "--url",
          `//${secret}`,
          "--server",
          "s",
          "--client",
          "c",
        ], SECRET),
      () => startProxy([secret], SECRET),
      () => startProxy(["proxy", `--secret=${secret}`], SECRET),
    ];
    for (const [i, run] of wrong.entries()) {
      const text = await logged(run);
      assert(text.length > 20, `${i} is refused`);
      assert(!betrays(text, secret), text);
    }
  });
}

Deno.test("a secret with white space at an end is refused by both sides", () => {
  for (const space of ["\n", "\r\n", " ", "\t", "\u00a0", "\ufeff"]) {
    for (const secret of [SECRET + space, space + SECRET]) {
      const ids = { clientId: "client-001", serverId: SERVER_ID };
      const wrong = [
        () => createServer({ ...options, serverSecret: secret }),
        () => createServer({ ...options, clients: { a: secret } }),
        () => createServer({ ...options, clients: { a: [SECRET, secret] } }),
        () => createClient({ ...ids, url: "http://x/", secret }),
        () => signedFetch({ ...ids, secret }),
      ];
      for (const run of wrong) {
        let message = "";
        try {
          run();
        } catch (error) {
          message = (error as Error).message;
        }
        assert(message.includes("white space at an end"), message);
      }
    }
  }
  // A file that holds a text, read as bytes, is a text.
  const file = new TextEncoder().encode(`${SECRET}\n`);
  assertThrows(
    () => createServer({ ...options, clients: { a: file } }),
    TypeError,
    "white space at an end",
  );
  // Other bytes are what they are, and so are spaces within.
  const bytes = new Uint8Array(32).fill(0x0a).fill(0x81, 3, 20);
  const within = "a phrase of words, and long enough to be one";
  createServer({ ...options, clients: { a: bytes, b: within } });
});
