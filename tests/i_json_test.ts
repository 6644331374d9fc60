import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { createServer } from "@countersign/mcp";
import { decodeUtf8, duplicateName } from "../src/i_json.ts";
import vectors from "./vectors/canonical_json.json" with { type: "json" };

for (const { name, input } of vectors.accepted) {
  Deno.test(`duplicateName() finds nothing in ${name}`, () => {
    assertEquals(duplicateName(input), undefined);
  });
}

for (const { name, input, by } of vectors.refused) {
  if (by !== "duplicate") continue;
  Deno.test(`duplicateName() finds ${name}`, () => {
    const found = duplicateName(input);
    // `JSON.parse` keeps one of the two: the text names more than it does.
    assertEquals(typeof found, "string");
    assertEquals(duplicateName(JSON.stringify(JSON.parse(input))), undefined);
  });
}

Deno.test("duplicateName() returns the name unescaped", () => {
  assertEquals(duplicateName('{"\\u0061\\n":1,"a\\u000a":2}'), "a\n");
  assertEquals(duplicateName('[{"x":{"":1,"":2}}]'), "");
});

for (const { name, input } of vectors.refused) {
  Deno.test(`A server refuses ${name} among the arguments, unsigned`, async () => {
    const { handle } = createServer({
      serverId: "mcp-server-001",
      serverSecret: new Uint8Array(32),
      clients: { "client-001": new Uint8Array(32) },
      nonces: "memory",
      tools: {},
    });
    const envelope = JSON.stringify({
      v: "mcp/0.1",
      request_id: "r-1",
      ts_ms: 0,
      client_id: "client-001",
      server_id: "mcp-server-001",
      tool: "echo",
      args: {},
      nonce: "0123456789abcdef",
      signature: "0".repeat(64),
    });
    const body = envelope.replace("{}", () => `{"x":${input}}`);
    const response = await handle(
      new Request("http://localhost/", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      }),
    );
    const answer = await response.json();
    assertEquals(response.status, 400);
    assertEquals(answer.signature, "");
    assertMatch(answer.error, /^malformed: /);
  });
}

Deno.test("decodeUtf8() decodes characters of one to four bytes", () => {
  const text = "a é € 😀";
  assertEquals(decodeUtf8(new TextEncoder().encode(text)), text);
});

Deno.test("decodeUtf8() refuses what is not UTF-8", () => {
  const refused = [
    [0xff],
    [0xc0, 0xaf], // longer than need be
    [0xe2, 0x82], // broken off
    [0xed, 0xa0, 0x80], // a lone surrogate
    [0xf4, 0x90, 0x80, 0x80], // beyond U+10FFFF
    [0x22, 0xe9, 0x22], // Latin-1
  ];
  for (const bytes of refused) {
    assertThrows(() => decodeUtf8(new Uint8Array(bytes)), TypeError, "");
  }
});

Deno.test("decodeUtf8() keeps a byte order mark, which is not JSON", () => {
  const text = decodeUtf8(new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d]));
  assertEquals(text, "\ufeff{}");
  assertThrows(() => JSON.parse(text), SyntaxError, "");
});
