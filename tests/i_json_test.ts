import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { createServer } from "@countersign/mcp";
import { decodeUtf8, duplicateName } from "../src/json/i_json.ts";
import {
  CLIENT_ID,
  request,
  SECRET,
  SERVER_ID,
  SERVER_SECRET,
  signed,
} from "./support/envelopes.ts";
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
    const body = signed({ request_id: "r-1", args: {} })
      .replace("{}", () => `{"x":${input}}`);
    const { handle } = bareServer();
    const response = await handle(request(body));
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

Deno.test("The envelope and its arguments count among the 64 levels", async () => {
  const { handle } = bareServer();
  const nested = (depth: number) =>
    JSON.parse("[".repeat(depth) + "]".repeat(depth));
  const fits = await handle(request(signed({ args: { x: nested(62) } })));
  assertMatch((await fits.json()).error, /^unknown_tool: /);
  const deeper = await handle(request(signed({ args: { x: nested(63) } })));
  assertMatch((await deeper.json()).error, /^malformed: .*deeper than 64/);
});

/** A server without tools, for what is refused before one is looked for. */
function bareServer() {
  return createServer({
    serverId: SERVER_ID,
    serverSecret: SERVER_SECRET,
    clients: { [CLIENT_ID]: SECRET },
    nonces: { store: "memory" },
    tools: {},
  });
}
