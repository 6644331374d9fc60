import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { signedFetch } from "@countersign/mcp/signatures";
import { signingProxy } from "../src/cli/signing_proxy.ts";
import { listen } from "./support/listen.ts";
import {
  events,
  SECRET,
  SERVER_ID,
  signedServer,
} from "./support/signed_server.ts";

const CLI = new URL("../src/cli/mod.ts", import.meta.url).pathname;
const CONFIG = new URL("../deno.json", import.meta.url).pathname;
const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call"}';

function command(args: string[], secret = SECRET): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "-q", "--config", CONFIG, CLI, ...args],
    env: { COUNTERSIGN_SECRET: secret },
    stdout: "piped",
    stderr: "piped",
  });
}

/** The proxy as its own process, before a server that takes signed requests only. */
async function withProxy(
  use: (url: string) => Promise<void>,
  secret = SECRET,
): Promise<void> {
  await using server = listen(
    signedServer((request, body) =>
      request.headers.get("accept") === "text/event-stream"
        ? events({ body }, { method: request.headers.get("mcp-method") })
        : Response.json({
          method: request.method,
          body,
          authorization: request.headers.get("authorization"),
        })
    ),
  );
  const url = `${server.url}mcp`;
  const proxy = command(
    [
      "proxy",
      "--url",
      url,
      "--server",
      SERVER_ID,
      "--client",
      "client-001",
      "--port",
      "0",
    ],
    secret,
  ).spawn();
  const lines = proxy.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const { value = "" } = await lines.read();
    const [address] = /http:\S+/.exec(value) ?? [];
    assert(address, `The proxy said "${value}"`);
    await use(address);
  } finally {
    proxy.kill();
    await lines.cancel();
    await proxy.stderr.cancel();
    await proxy.status;
  }
}

Deno.test("a host that cannot sign reaches a signed server through the proxy", async () => {
  await withProxy(async (url) => {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "mcp-method": "tools/call",
        authorization: "Bearer the-host's-own",
      },
      body: CALL,
    });
    assertEquals(response.status, 200);
    assertEquals(await response.json(), {
      method: "POST",
      body: CALL,
      authorization: null,
    });
    const listening = await fetch(url);
    assertEquals((await listening.json()).method, "GET");
  });
});

Deno.test("a stream comes through the proxy", async () => {
  await withProxy(async (url) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { accept: "text/event-stream", "mcp-method": "tools/call" },
      body: CALL,
    });
    assertEquals(response.headers.get("content-type"), "text/event-stream");
    assertEquals(
      await response.text(),
      await events({ body: CALL }, { method: "tools/call" }).text(),
    );
  });
});

Deno.test("web pages cannot use the proxy", async () => {
  await withProxy(async (url) => {
    for (
      const header of [
        ["origin", "https://evil.example.com"],
        ["origin", "null"],
        ["origin", "http://127.0.0.1:1"],
        ["sec-fetch-site", "cross-site"],
      ]
    ) {
      const response = await fetch(url, {
        method: "POST",
        headers: [header as [string, string]],
        body: CALL,
      });
      assertEquals(response.status, 403);
      await response.body?.cancel();
    }
    const { port } = new URL(url);
    const raw = await Deno.connect({ port: Number(port) });
    await raw.write(new TextEncoder().encode(
      "GET /mcp HTTP/1.1\r\nhost: evil.example.com\r\nconnection: close\r\n\r\n",
    ));
    assertStringIncludes(await new Response(raw.readable).text(), " 403 ");
  });
});

Deno.test("the proxy serves the server's path and three methods", async () => {
  await withProxy(async (url) => {
    for (
      const [at, method, status] of [
        [new URL("/other", url), "POST", 404],
        [url, "PUT", 405],
      ] as const
    ) {
      const response = await fetch(at, { method });
      assertEquals(response.status, status);
      await response.body?.cancel();
    }
  });
});

Deno.test("a refusal of the server comes through the proxy", async () => {
  await withProxy(async (url) => {
    const response = await fetch(url, { method: "POST", body: CALL });
    assertEquals(response.status, 401);
    assertStringIncludes(await response.text(), "bad_signature");
  }, "a secret that the server does not know");
});

Deno.test("an answer that is not to be trusted is none of the proxy's", async () => {
  const handle = signingProxy({
    url: new URL("https://mcp.example.com/mcp"),
    fetch: signedFetch({
      clientId: "client-001",
      secret: SECRET,
      serverId: SERVER_ID,
      fetch: () => Response.json({ forged: true }),
    }),
  });
  const response = await handle(
    new Request("http://127.0.0.1:8788/mcp", { method: "POST", body: CALL }),
  );
  assertEquals(response.status, 502);
  assertEquals(
    await response.text(),
    "No answer to be trusted: Refused the message: missing_signature\n",
  );
});

/** A proxy in this process; what its server gets of a body. */
function bounded(limits: { limit: number; timeoutMs: number }) {
  const got: number[] = [];
  const handle = signingProxy({
    url: new URL("https://mcp.example.com/mcp"),
    fetch: (_url, init) => {
      got.push((init?.body as Uint8Array).length);
      return Promise.resolve(new Response("{}"));
    },
    limits,
  });
  const send = async (body: BodyInit) =>
    (await handle(
      new Request("http://127.0.0.1:8788/mcp", { method: "POST", body }),
    )).status;
  return { got, send };
}

Deno.test("the proxy takes no more of a body than it may, and no longer", async () => {
  const { got, send } = bounded({ limit: 1000, timeoutMs: 50 });
  assertEquals(await send("x".repeat(1000)), 200);
  assertEquals(await send("x".repeat(1001)), 413);
  let cancelled = 0;
  const cancel = () => void cancelled++;
  assertEquals(await send(new ReadableStream({ cancel })), 408);
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(100)),
    cancel,
  });
  assertEquals(await send(endless), 413);
  const broken = new ReadableStream({
    pull: (controller) => controller.error(new Error("reset")),
  });
  assertEquals(await send(broken), 400);
  assertEquals([got, cancelled], [[1000], 2]);
});

Deno.test("a body of 17 MiB is too much for the proxy, and a bad target is refused", async () => {
  await withProxy(async (url) => {
    const body = new Uint8Array(17 * 1024 * 1024);
    const response = await fetch(url, { method: "POST", body });
    assertEquals(response.status, 413);
    await response.body?.cancel();
    const { port } = new URL(url);
    const raw = await Deno.connect({ port: Number(port) });
    await raw.write(new TextEncoder().encode(
      "GET http://[::bad/mcp HTTP/1.1\r\nhost: 127.0.0.1\r\n" +
        "connection: close\r\n\r\n",
    ));
    assertStringIncludes(await new Response(raw.readable).text(), " 400 ");
  });
});

Deno.test("the command says what is missing, and no secret", async () => {
  const url = ["--url", "https://example.com/mcp"];
  const who = ["--server", "s", "--client", "c"];
  for (
    const [args, secret, message] of [
      [[], SECRET, "Usage: "],
      [["proxy", ...url], SECRET, "Usage: "],
      [["proxy", ...url, "--client", "c"], SECRET, "--server ID"],
      [["proxy", ...url, ...who], "", "Set COUNTERSIGN_SECRET"],
      [["proxy", ...url, ...who], "short", "has 5 bytes"],
      [["proxy", ...url, ...who, "--port", "x"], SECRET, "--port is not"],
      [["proxy", "--url", "ftp://x/", ...who], SECRET, "--url is not"],
      [["proxy", "--url", SECRET, ...who], SECRET, "--url is not"],
    ] as const
  ) {
    const { code, stderr } = await command([...args], secret).output();
    assertEquals(code, 2);
    const said = new TextDecoder().decode(stderr);
    assertStringIncludes(said, message);
    assert(!said.includes(SECRET));
  }
});
