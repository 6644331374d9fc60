/** HTTP as people send it: methods, slashes, hosts, proxies, pages, wrong doors. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { createServer as createNodeServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient, type ServerOptions } from "../mod.ts";
import { signedFetch } from "../src/signatures/mod.ts";
import { request, signed } from "./support/envelopes.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "./support/parties.ts";
import { mcpRequest } from "./support/mcp.ts";
import { type TestServer, withServer } from "./support/servers.ts";

const open = { mcp: { authenticate: "none" } } as const;
const at = (path: string, init: RequestInit = {}) =>
  new Request(`http://localhost${path}`, init);
const CALL = { name: "batch_sum", arguments: { numbers: [1, 2] } };

async function read(
  { handle }: Pick<TestServer, "handle">,
  request: Request,
): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await handle(request);
  const { status, headers } = response;
  return { status, headers, text: await response.text() };
}

Deno.test("HEAD is answered as GET is, without content", () =>
  withServer(async (server) => {
    for (const path of ["/", "/healthz", "/healthz/"]) {
      const got = await read(server, at(path));
      const head = await read(server, at(path, { method: "HEAD" }));
      assertEquals(head.status, 200, path);
      assertEquals([...head.headers], [...got.headers]);
      assertEquals(head.text, "");
      assert(got.text.length > 0);
    }
    const elsewhere = at("/mcp", { method: "HEAD" });
    assertEquals((await read(server, elsewhere)).status, 405);
  }));

Deno.test("HEAD of /healthz tells when the store is away", () =>
  withServer(async (server) => {
    const head = at("/healthz", { method: "HEAD" });
    assertEquals((await read(server, head)).status, 503);
  }, { kv: () => Promise.reject(new Error("away")) }));

Deno.test("a slash at the end of a path changes nothing", async () => {
  const mcpAt = (path: string) =>
    new Request(`http://localhost${path}`, mcpRequest("tools/call", CALL));
  for (const path of ["/rpc", "/rpc/"]) {
    await withServer(async (server) => {
      for (const sent of ["/rpc", "/rpc/"]) {
        const post = at(sent, request(signed()));
        assertEquals((await read(server, post)).status, 200, sent);
      }
      for (const sent of ["/tools", "/tools/"]) {
        assertEquals((await read(server, mcpAt(sent))).status, 200, sent);
      }
      for (const sent of ["/rpc//", "//rpc", "/rp", "/tools/x"]) {
        const post = at(sent, request(signed()));
        assertEquals((await read(server, post)).status, 404, sent);
      }
    }, {
      path,
      mcp: { authenticate: "none", path: path.replace("rpc", "tools") },
    });
  }
});

Deno.test("a client signs for the path that it calls, with a slash or without", () =>
  withServer(async ({ handle }) => {
    const fetch = signedFetch({
      clientId: CLIENT_ID,
      secret: SECRET,
      serverId: SERVER_ID,
      fetch: handle,
    });
    for (const path of ["/mcp", "/mcp/"]) {
      const sent = new Request(
        `http://localhost${path}`,
        mcpRequest("tools/list"),
      );
      const response = await fetch(sent);
      await response.body?.cancel();
      assertEquals(response.status, 200);
    }
  }));

/** Sends bytes as they are, and reads the answer. */
async function sendRaw(port: number, text: string): Promise<string> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  await connection.write(new TextEncoder().encode(text));
  const chunks: string[] = [];
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await connection.read(buffer).catch(() => null);
    if (count === null) return chunks.join("");
    chunks.push(decoder.decode(buffer.subarray(0, count), { stream: true }));
  }
}

/** What is no host, and what is one all the same. */
const NO_HOSTS = [
  "^",
  "a b",
  "a:99999",
  "%zz",
  "[::bad",
  "[::1",
  "a:b",
  "a/b",
  "me@a",
  "a/healthz?",
  "a#",
  "\\",
];
const HOSTS = ["localhost", "[::1]:80", "tools.example:8443", "", undefined];

/** What a request under each of these names gets, over real sockets. */
async function tryHosts(port: number): Promise<void> {
  for (const host of [...NO_HOSTS, ...HOSTS]) {
    for (
      const [method, path] of [["GET", "/healthz"], ["POST", "/"], [
        "POST",
        "/mcp",
      ]]
    ) {
      const answer = await sendRaw(
        port,
        `${method} ${path} HTTP/1.1\r\n` +
          (host === undefined ? "" : `host: ${host}\r\n`) +
          "content-type: application/json\r\ncontent-length: 2\r\n" +
          "connection: close\r\n\r\n{}",
      );
      const what = `${method} ${path} to ${host}`;
      const isHost = HOSTS.includes(host);
      // 400 is also what a server of the platform's own may say to a missing one.
      const expected = isHost ? /^HTTP\/1\.1 [24]\d\d / : /^HTTP\/1\.1 400 /;
      assertMatch(answer, expected, what);
    }
  }
}

Deno.test("a Host that is no host is answered, over a real socket of Deno's", () =>
  withServer(async ({ handle, lines }) => {
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      handle,
    );
    await tryHosts(server.addr.port);
    assertEquals(lines, []);
  }, open));

Deno.test("a Host that is no host is answered, over a real socket of node:http's", () =>
  withServer(async ({ handle, lines }) => {
    const server = createNodeServer(async (incoming, outgoing) => {
      const { method = "GET", url = "/", headers } = incoming;
      const body = method === "GET" ? undefined : "{}";
      const asked = new Request("http://placeholder/", {
        method,
        headers: {
          "content-type": "application/json",
          ...headers.host !== undefined && { host: headers.host },
        },
        body,
      });
      // As adapters do that make the URL when it is first asked for.
      Object.defineProperty(asked, "url", {
        value: `http://${headers.host}${url}`,
      });
      const response = await handle(asked);
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      outgoing.end(await response.text());
    });
    await new Promise<void>((resolve) =>
      server.listen(0, "127.0.0.1", resolve)
    );
    await tryHosts((server.address() as AddressInfo).port);
    await new Promise((resolve) => server.close(resolve));
    assertEquals(lines, []);
  }, open));

/** A proxy that is called at one URL, and calls the server at another. */
interface Proxied {
  what: string;
  called: string;
  arrives: string;
  options: Partial<ServerOptions>;
}

const PROXIES: Proxied[] = [
  {
    what: "changes scheme and host",
    called: "https://tools.example",
    arrives: "http://10.0.0.7:8080",
    options: { publicUrl: "https://TOOLS.example" },
  },
  {
    what: "strips a prefix",
    called: "https://tools.example/v1/greeter",
    arrives: "http://localhost:8787",
    options: { publicUrl: "https://tools.example/v1/greeter/" },
  },
  {
    what: "adds a prefix",
    called: "https://tools.example",
    arrives: "http://localhost:8787/inner/app",
    options: { publicUrl: "https://tools.example", pathPrefix: "/inner/app" },
  },
  {
    what: "puts one prefix in the place of another",
    called: "https://tools.example/functions/v1/greeter",
    arrives: "http://localhost:8787/greeter",
    options: {
      publicUrl: "https://tools.example/functions/v1/greeter",
      pathPrefix: "/greeter",
    },
  },
  {
    what: "changes nothing",
    called: "http://localhost:8787",
    arrives: "http://localhost:8787",
    options: {},
  },
];

for (const { what, called, arrives, options } of PROXIES) {
  Deno.test(`calls come through a proxy that ${what}`, () =>
    withServer(async ({ handle, ...server }) => {
      const through = (request: Request) =>
        handle(new Request(request.url.replace(called, arrives), request));
      const fetch = signedFetch({
        clientId: CLIENT_ID,
        secret: SECRET,
        serverId: SERVER_ID,
        fetch: through,
      });
      for (const path of ["/mcp", "/mcp/", "/mcp?a=1&b=%20"]) {
        const sent = new Request(called + path, mcpRequest("tools/call", CALL));
        const response = await fetch(sent);
        assertEquals(response.status, 200, path);
        const { result } = await response.json();
        assertEquals(result.structuredContent.total, 3);
      }
      const client = createClient({
        url: `${called}/`,
        clientId: CLIENT_ID,
        secret: SECRET,
        serverId: SERVER_ID,
        fetch: through,
      });
      assertEquals((await client.identity()).serverId, SERVER_ID);
      for (const path of ["/", "/healthz"]) {
        assertEquals((await through(new Request(called + path))).status, 200);
      }
      // Inside the proxy health is asked for under the plain name.
      assertEquals(
        (await read({ handle, ...server }, at("/healthz"))).status,
        200,
      );
    }, options));
}

Deno.test("what a client signed for another address is refused, whatever Host the request has", () =>
  withServer(async ({ handle }) => {
    const fetch = signedFetch({
      clientId: CLIENT_ID,
      secret: SECRET,
      serverId: SERVER_ID,
      fetch: handle,
    });
    for (
      const url of [
        "https://other.example/v1/mcp",
        "https://tools.example/mcp",
        "https://tools.example:8443/v1/mcp",
      ]
    ) {
      const sent = new Request(url, mcpRequest("tools/list"));
      const response = await fetch(sent);
      const text = await response.text();
      assert(response.status === 401 || response.status === 404, text);
    }
  }, { publicUrl: "https://tools.example/v1" }));

Deno.test("options about addresses that cannot be meant are refused", async () => {
  const wrong: [Partial<ServerOptions>, string][] = [
    [{ publicUrl: "tools.example" }, "publicUrl must be like"],
    [{ publicUrl: "ftp://tools.example" }, "publicUrl must be like"],
    [{ publicUrl: "https://me:pw@tools.example" }, "publicUrl must be like"],
    [{ publicUrl: "https://tools.example/?a" }, "publicUrl must be like"],
    [{ publicUrl: "https://tools.example/#a" }, "publicUrl must be like"],
    [{ pathPrefix: "inner" }, "pathPrefix must be like"],
    [{ pathPrefix: "/inner/" }, "pathPrefix must be like"],
    [{ pathPrefix: "/" }, "pathPrefix must be like"],
    [{ path: "rpc" }, 'must begin with "/"'],
    [{ mcp: { path: "mcp" } }, 'must begin with "/"'],
    [{ mcp: { path: "/" } }, "must not be the envelopes' own"],
    [{ path: "/x/", mcp: { path: "/x" } }, "must not be the envelopes' own"],
    [{ mcp: { authority: "tools.example" } } as never, "it is publicUrl"],
    [{ mcp: { allowedOrigins: [] } } as never, "it is allowedOrigins"],
    ...[
      "https://*.example.com",
      "*",
      "null",
      "https://example.com/",
      "https://example.com/a",
      "https://EXAMPLE.com",
      "https://example.com:443",
      "example.com",
      "chrome-extension://*",
      "chrome-extension://abc/",
      "chrome-extension:abc",
      "file://",
      "",
    ].map((origin): [Partial<ServerOptions>, string] => [
      { allowedOrigins: ["https://good.example", origin] },
      "Entry 2 of allowedOrigins",
    ]),
  ];
  for (const [options, message] of wrong) {
    let thrown: unknown;
    await withServer(async () => {}, options).catch((error) => thrown = error);
    assertThrows(
      () => {
        throw thrown;
      },
      TypeError,
      message,
    );
  }
});

const ORIGINS = [
  "https://app.example",
  "http://localhost:5173",
  "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
  "moz-extension://0b3c3d2e-9c9c-4d3b-8a57-2f1f6b9c1f11",
  "vscode-webview://1a2b3c4d5e",
  "tauri://localhost",
  "capacitor://localhost",
];

Deno.test("pages, extensions and webviews on allowed origins may ask both endpoints, and read the answers", () =>
  withServer(async (server) => {
    for (const origin of ORIGINS) {
      const requests = [
        () =>
          request(signed(), {
            headers: { "content-type": "application/json", origin },
          }),
        () => mcpRequest("tools/call", CALL, { headers: { origin } }),
      ];
      for (const make of requests) {
        const before = new Request(make().url, {
          method: "OPTIONS",
          headers: {
            origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,mcp-method",
          },
        });
        const preflight = await read(server, before);
        assertEquals(preflight.status, 204);
        const allows = (name: string) =>
          preflight.headers.get(`access-control-allow-${name}`) ?? "";
        assertEquals(allows("origin"), origin);
        assertEquals(allows("headers"), "content-type,mcp-method");
        assertStringIncludes(allows("methods"), "POST");
        const answer = await read(server, make());
        assertEquals(answer.status, 200);
        assertEquals(answer.headers.get("access-control-allow-origin"), origin);
        assertStringIncludes(answer.headers.get("vary") ?? "", "origin");
        assertEquals(answer.headers.get("access-control-expose-headers"), "*");
        // With credentials `*` would mean nothing.
        assert(!answer.headers.has("access-control-allow-credentials"));
      }
      const facts = await read(server, at("/", { headers: { origin } }));
      assertEquals(facts.headers.get("access-control-allow-origin"), origin);
    }
  }, { ...open, allowedOrigins: ORIGINS }));

Deno.test("pages on other origins may not read an envelope's answer, nor ask at /mcp", () =>
  withServer(async (server) => {
    const others = [
      "https://evil.example",
      "https://app.example.evil.example",
      "https://app.example:8443",
      "http://app.example",
      "tauri://localhost",
      "chrome-extension://other",
      "null",
      "*",
    ];
    for (const origin of others) {
      const headers = { "content-type": "application/json", origin };
      const answer = await read(server, request(signed(), { headers }));
      assertEquals(answer.headers.get("access-control-allow-origin"), null);
      const preflight = at("/", { method: "OPTIONS", headers: { origin } });
      const refused = await read(server, preflight);
      assertEquals(refused.status, 405);
      assertEquals(refused.headers.get("access-control-allow-origin"), null);
      const asked = mcpRequest("tools/list", {}, { headers: { origin } });
      assertEquals((await read(server, asked)).status, 403, origin);
    }
    // A page of the server's own asks like any program.
    const own = mcpRequest("tools/list", {}, {
      headers: { origin: "https://localhost" },
    });
    assertEquals((await read(server, own)).status, 200);
  }, { ...open, allowedOrigins: ["https://app.example"] }));

Deno.test("behind a proxy the server's own pages are those of its public address", () =>
  withServer(async (server) => {
    const from = (origin: string) =>
      read(server, mcpRequest("tools/list", {}, { headers: { origin } }));
    assertEquals((await from("https://tools.example")).status, 200);
    assertEquals((await from("http://localhost")).status, 403);
  }, { ...open, publicUrl: "https://tools.example/v1" }));

Deno.test("an answer to a browser keeps its stream", () =>
  withServer(async ({ handle }) => {
    const origin = "https://app.example";
    const response = await handle(
      mcpRequest("subscriptions/listen", { notifications: {} }, {
        headers: { origin },
      }),
    );
    assertEquals(response.headers.get("content-type"), "text/event-stream");
    assertEquals(response.headers.get("access-control-allow-origin"), origin);
    await response.body?.cancel();
  }, { ...open, allowedOrigins: ["https://app.example"] }));

Deno.test("what is posted to the wrong endpoint is told where to go", async () => {
  const message = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  for (
    const mcp of [{ path: "/tools" }, {
      path: "/tools",
      authenticate: "none",
    }] as const
  ) {
    await withServer(async (server) => {
      const post = (path: string, body: string) =>
        read(server, at(path, request(body)));
      for (const body of [message, `[${message}]`]) {
        const astray = await post("/rpc", body);
        assertEquals(astray.status, 400);
        assertStringIncludes(
          astray.text,
          "malformed: This is a message of MCP",
        );
        assertStringIncludes(astray.text, "send it to /tools");
      }
      for (const body of [signed(), JSON.stringify({ v: "mcp/0.1" })]) {
        const lost = await post("/tools", body);
        assertEquals(lost.status, 400);
        assertStringIncludes(lost.text, "send it to /rpc");
        assertEquals(JSON.parse(lost.text).error.code, -32600);
      }
      const nowhere = await post("/", signed());
      assertEquals(nowhere.status, 404);
      assertStringIncludes(nowhere.text, "/rpc, messages of MCP to /tools");
    }, { path: "/rpc", mcp });
  }
  // Where there is no MCP, nobody is sent there.
  await withServer(async (server) => {
    const { text } = await read(server, request(message));
    assertStringIncludes(text, "malformed");
    assert(!text.includes("/mcp"));
  }, { mcp: false });
});
