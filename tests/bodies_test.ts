/** Bodies as hostile or broken senders send them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { growingBytes, readBounded } from "../src/http/bounded.ts";
import { request, signed } from "./support/envelopes.ts";
import { raw } from "./support/mcp.ts";
import { type Process, startProcess } from "./support/processes.ts";
import { withServer } from "./support/servers.ts";

const MEASURED = new URL("./support/measured_server.ts", import.meta.url);
const MIB = 1_048_576;

async function rssOf({ url }: Process): Promise<number> {
  const response = await fetch(new URL("/memory", url));
  return (await response.json()).rss;
}

/** Opens a request that says it is chunked, and sends nothing of its body. */
async function openChunked(
  { url }: Process,
  path: string,
): Promise<Deno.TcpConn> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  await write(
    connection,
    `POST ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n` +
      "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
  );
  return connection;
}

async function write(connection: Deno.TcpConn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += await connection.write(bytes.subarray(at));
  }
}

/** What is answered, up to and with the first answer's end. */
async function answerTo(connection: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(65_536);
  let text = "";
  while (!/\r\n\r\n.*\}/s.test(text)) {
    const read = await connection.read(buffer).catch(() => null);
    if (read === null) break;
    text += new TextDecoder().decode(buffer.subarray(0, read));
  }
  return text;
}

for (const path of ["/", "/mcp"]) {
  Deno.test(`60,000 chunks of one byte cost ${path} no memory`, async () => {
    await using server = await startProcess({}, MEASURED);
    const before = await rssOf(server);
    using connection = await openChunked(server, path);
    // In writes that give the server time: each chunk comes by itself.
    for (let i = 0; i < 600; i++) {
      await write(connection, "1\r\n \r\n".repeat(100));
      if (i % 50 === 0) await rssOf(server);
    }
    const grown = await rssOf(server) - before;
    await write(connection, "0\r\n\r\n");
    assertStringIncludes(await answerTo(connection), "HTTP/1.1 400");
    // Kept chunks would be 3.8 GB: 64 KiB each. What is copied is garbage.
    assert(grown < 600 * MIB, `the server grew by ${grown / MIB} MiB`);
  });
}

Deno.test("400 stalled connections are refused in time, and cost no memory", async () => {
  const env = { READ_TIMEOUT_MS: "1500" };
  await using server = await startProcess(env, MEASURED);
  const before = await rssOf(server);
  const connections = await Promise.all(
    Array.from(
      { length: 400 },
      (_, i) => openChunked(server, i % 2 ? "/" : "/mcp"),
    ),
  );
  for (const connection of connections) await write(connection, "1\r\n{\r\n");
  const grown = await rssOf(server) - before;
  const answers = await Promise.all(connections.map(answerTo));
  for (const connection of connections) connection.close();
  for (const answer of answers) {
    assertStringIncludes(answer, "HTTP/1.1 400");
    assertStringIncludes(answer, "did not end within 1500 ms");
  }
  assert(grown < 200 * MIB, `the server grew by ${grown / MIB} MiB`);
});

Deno.test("a body that stalls in process is malformed, and is cancelled", async () => {
  let cancelled = 0;
  const stalling = () =>
    new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array([0x7b])),
      cancel: () => void cancelled++,
    });
  await withServer(async ({ handle, lines }) => {
    const response = await handle(request(stalling()));
    assertEquals(response.status, 400);
    const { error } = await response.json();
    assertEquals(error, "malformed: The body did not end within 30 ms");
    const mcp = await handle(
      new Request("http://localhost/mcp", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: stalling(),
      }),
    );
    assertEquals(mcp.status, 400);
    assertStringIncludes(await mcp.text(), "did not end within 30 ms");
    assertEquals(cancelled, 2);
    assertEquals(lines, []);
  }, { readTimeoutMs: 30 });
});

Deno.test("a body is read by its bytes, whatever content-length says of them", async () => {
  await withServer(async ({ handle }) => {
    const statusOf = async (body: string, length: string) => {
      const headers = {
        "content-type": "application/json",
        "content-length": length,
      };
      return (await handle(request(new Blob([body]).stream(), { headers })))
        .status;
    };
    assertEquals(await statusOf(signed(), "1"), 200);
    assertEquals(await statusOf(signed(), "many"), 200);
    assertEquals(await statusOf(signed(), "999999999"), 413);
    assertEquals(await statusOf(`${signed()}${" ".repeat(2000)}`, "10"), 413);
  }, { maxBodyBytes: 2000 });
});

Deno.test("a coded body is unsupported, in the words of its endpoint", async () => {
  await withServer(async ({ handle }) => {
    const gzip = {
      "content-type": "application/json",
      "content-encoding": "gzip",
    };
    const envelope = await handle(request(signed(), { headers: gzip }));
    assertEquals(envelope.status, 415);
    assertEquals(envelope.headers.get("accept-encoding"), "identity");
    assertEquals(envelope.headers.get("accept-post"), null);
    assertEquals(
      (await envelope.json()).error,
      "unsupported_media_type: Send the envelope without content-encoding",
    );
    const mcp = await handle(raw("{}", gzip));
    assertEquals(mcp.status, 415);
    assertEquals(mcp.headers.get("accept-encoding"), "identity");
    assertStringIncludes(await mcp.text(), "Send the message without");

    const text = await handle(raw("{}", { "content-type": "text/plain" }));
    assertEquals(text.status, 415);
    assertEquals(text.headers.get("accept-post"), "application/json");
    assertEquals(text.headers.get("accept-encoding"), null);
    assertStringIncludes(await text.text(), "Send the message as");

    for (const coding of ["identity", "Identity", ""]) {
      const headers = { ...gzip, "content-encoding": coding };
      assertEquals(
        (await handle(request(signed(), { headers }))).status,
        200,
      );
    }
  });
});

Deno.test("growingBytes() takes what fits, and no part of what does not", () => {
  const bytes = growingBytes(10_000);
  const piece = new Uint8Array(3000).fill(7);
  assertEquals([1, 2, 3, 4].map(() => bytes.push(piece)), [
    true,
    true,
    true,
    false,
  ]);
  assert(bytes.push(new Uint8Array(1000)));
  piece.fill(8); // was copied
  const all = bytes.bytes();
  assertEquals(all.length, 10_000);
  assertEquals([all[0], all[8999], all[9000]], [7, 7, 0]);
});

Deno.test("readBounded() tells how a stream ended", async () => {
  const limits = { limit: 3 };
  assertEquals(await readBounded(null, limits), {
    kind: "read",
    bytes: new Uint8Array(),
  });
  const kindOf = async (source: UnderlyingDefaultSource<Uint8Array>) =>
    (await readBounded(new ReadableStream(source), limits)).kind;
  assertEquals(await kindOf({ start: (c) => c.close() }), "read");
  assertEquals(
    await kindOf({ start: (c) => c.enqueue(new Uint8Array(4)) }),
    "too large",
  );
  assertEquals(
    await kindOf({ pull: (c) => c.error(new Error("gone")) }),
    "broken",
  );
});
