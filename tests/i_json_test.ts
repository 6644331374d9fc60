import { createHmac } from "node:crypto";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { createServer, defineTool, type } from "@countersign/mcp";
import { decodeUtf8, parseIJson } from "../src/json/i_json.ts";
import { fromBytes, toBytes } from "../src/kv/kv.ts";
import { parseExactly, parseJson } from "../src/json/parse_json.ts";
import {
  canonical,
  fields,
  request,
  signatureOf,
  signed,
} from "./support/envelopes.ts";
import { ask, raw, REVISION, textOf } from "./support/mcp.ts";
import { PARTIES, SECRET } from "./support/parties.ts";
import vectors from "./vectors/canonical_json.json" with { type: "json" };

const flawOf = (text: string) => {
  const parsed = parseIJson(text);
  return parsed.kind === "flawed" ? parsed.flaw : undefined;
};

for (const { name, input } of vectors.accepted) {
  Deno.test(`parseIJson() reads ${name} as JSON.parse does`, () => {
    assertEquals(parseIJson(input), {
      kind: "value",
      value: JSON.parse(input),
    });
    assertEquals(parseExactly(input), JSON.parse(input));
  });
}

for (const { name, input, by } of vectors.refused) {
  Deno.test(`parseIJson() refuses ${name}`, () => {
    assertNotEquals(parseIJson(input).kind, "value");
    if (by !== "duplicate") return;
    assertEquals(flawOf(input)?.kind, "duplicate");
    // `JSON.parse` keeps one of the two: the text names more than it does.
    assertEquals(flawOf(JSON.stringify(JSON.parse(input))), undefined);
  });
}

Deno.test("parseIJson() quotes a name that is there twice, unescaped", () => {
  const twice: [string, string][] = [
    ['{"\\u0061\\n":1,"a\\u000a":2}', '"a\\n"'],
    ['[{"x":{"":1,"":2}}]', '""'],
    ['{"b":1,"a":2,"b":3}', '"b"'],
    ['{"b":1,"a":{"b":1},"a":3}', '"a"'],
    [`{"b":0,${names(20)},"c7":1}`, '"c7"'],
    [`{"z":0,${names(20)},"b":1,"z":1}`, '"z"'],
    [
      `{"${"x".repeat(63)}😀":0,"${"x".repeat(63)}😀":0}`,
      `"${"x".repeat(63)}"`,
    ],
  ];
  for (const [text, name] of twice) {
    assertEquals(
      flawOf(text)?.sentence,
      `The body names ${name} twice in one object`,
    );
  }
});

Deno.test("parseIJson() takes any names that differ, in any order and depth", () => {
  const texts = [
    `{"z":{${names(50)}},"a":{"z":1,"a":[{"z":1},{"z":1}]}}`,
    `[{${names(50)}},{${names(50)}},{"c1":"c1","c0":"c1"}]`,
    '{"a":"b","b":"a","":"","__proto__":{"__proto__":1},"constructor":2}',
    '{"a,b":1,"a":{"b:":"}"},"]":["{","\\"","\\\\"]}',
  ];
  for (const text of texts) {
    assertEquals(parseIJson(text), { kind: "value", value: JSON.parse(text) });
  }
});

Deno.test("parseIJson() agrees with a slow reader on texts at random", () => {
  const random = seeded(20261125);
  for (let i = 0; i < 3000; i++) {
    const text = randomJson(random, 0);
    const parsed = parseIJson(text);
    const flawed = hasDuplicate(text);
    assertEquals(parsed.kind, flawed ? "flawed" : "value", text);
    if (parsed.kind !== "value") continue;
    const expected = JSON.stringify(decode(JSON.parse(encode(text))));
    assertEquals(JSON.stringify(parsed.value), expected, text);
    assertEquals(JSON.stringify(parseExactly(text)), expected, text);
    assertEquals(JSON.stringify(parseJson(text)), expected, text);
  }
});

Deno.test("parseIJson() refuses integers that no double holds, by name", () => {
  const refused: [string, string][] = [
    ['{"args":{"order":1234567890123456789}}', "args.order is 123456789012345"],
    ['{"a":[{"b c":[0,-9007199254740993]}]}', 'a[0]["b c"][1] is -900719925'],
    ["9007199254740993", "The body is 9007199254740993, which no double holds"],
    [`[1${"0".repeat(400)}]`, "read as Infinity"],
    ["[1e400]", "[0] is 1e400, beyond every double"],
    ['{"a":-1E+999}', "a is -1E+999"],
    ["[12345678901234567890123]", "send a string"],
  ];
  for (const [text, says] of refused) {
    const flaw = flawOf(text);
    assertEquals(flaw?.kind, "number", text);
    assertStringIncludes(flaw?.sentence ?? "", says);
    assert((flaw?.sentence.length ?? 0) < 300);
  }
});

Deno.test("parseIJson() takes integers that doubles hold, and every fraction", () => {
  const taken = [
    "9007199254740991",
    "-9007199254740992",
    "9007199254740994",
    "18446744073709551616", // 2^64
    "295147905179352830000", // 2^68, as RFC 8785 writes it
    "1234567890123456800", // as RFC 8785 writes 1234567890123456768
    "1e23",
    "0.1234567890123456789",
    "-0",
    "1.0",
    "123456789012345678.0",
    `1${"0".repeat(22)}`,
  ];
  for (const text of taken) {
    assertEquals(parseIJson(`[${text}]`), {
      kind: "value",
      value: [Number(text)],
    }, text);
  }
});

Deno.test("parseIJson() says where a lone surrogate stands", () => {
  assertEquals(flawOf('{"a":["\\\\ud800","\\ud83d\\ude00"]}'), undefined);
  assertEquals(
    flawOf('{"a":["","x\\uDC00"]}')?.sentence,
    "a[1] has a string with a lone surrogate",
  );
  assertEquals(flawOf('{"\\ud83d":1}')?.kind, "surrogate");
});

Deno.test("parseIJson() refuses depth and names beyond their limits", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assertEquals(parseIJson(nested(64)).kind, "value");
  assertEquals(flawOf(nested(65))?.kind, "depth");
  assertEquals(flawOf("[".repeat(400_000))?.kind, "depth");
  assertEquals(flawOf('{"a":'.repeat(400_000))?.kind, "depth");
  const many = `{${names(10_000)}}`;
  assertEquals(parseIJson(`[${many},${many},{"c1":{"c0":1}}]`).kind, "value");
  const more = [`[${many},{"d":0}]`, `[{"d":0},{"d":0},${many}]`];
  for (const text of more) {
    assertEquals(flawOf(text), {
      kind: "names",
      sentence: "The body has more than 10000 different names of members: " +
        "send arrays",
    });
  }
  const rows = Array.from({ length: 40_000 }, (_, i) => `{"x":${i},"y":0}`);
  assertEquals(parseIJson(`[${rows}]`).kind, "value");
});

Deno.test("parseIJson() tells what is not JSON", () => {
  const broken = [
    "",
    "{",
    '"',
    '"\\',
    '{"a":1,}',
    '{"a\\x":1}',
    "[1-2345678901234567]",
    "[--1]",
    "nul",
    "]]]]",
    '{"a":1}}',
    "\ufeff{}",
    '{"\n":1}',
  ];
  for (const text of broken) {
    assertEquals(parseIJson(text).kind, "not JSON", text);
    assertThrows(() => parseExactly(text), SyntaxError, "");
  }
});

Deno.test("parseIJson() reads escaped names right after any earlier text", () => {
  const escaped = [
    "\\n",
    "\\t",
    "\\u0000",
    '\\"',
    "\\u0062",
    "\\\\",
    "\\u00e9",
  ];
  for (const before of escaped) {
    for (const name of escaped) {
      parseIJson(`{"v8":1,"${before}":2}`);
      JSON.parse(`{"v8":1,"${before}":2}`); // V8 15.0 misreads what follows
      const parsed = parseIJson(`{"v8":1,"${name}":[2,{"${name}":3}]}`);
      assert(parsed.kind === "value");
      const text = JSON.parse(`"${name}"`);
      assertEquals(Object.entries(parsed.value as object), [
        ["v8", 1],
        [text, [2, { [text]: 3 }]],
      ]);
    }
  }
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

for (const { name, input } of vectors.refused) {
  Deno.test(`An MCP endpoint refuses ${name}, in every revision`, async () => {
    const { handle } = openServer();
    const args = `{"value":${input}}`;
    const bodies = [modern(args), legacy(args), `[${legacy(args)}]`];
    for (const body of bodies) {
      const answer = await ask({ handle }, raw(body, headersOf(body)));
      assert(answer.error, `${body} was taken: ${JSON.stringify(answer)}`);
      assert([-32700, -32600, -32602].includes(answer.error.code));
    }
  });
}

Deno.test("an MCP endpoint tells a number that no double holds by name, and to whom", async () => {
  const { handle } = openServer();
  for (const write of [modern, legacy]) {
    const body = write('{"value":[1234567890123456789]}');
    const answer = await ask({ handle }, raw(body, headersOf(body)));
    assertEquals([answer.status, answer.id, answer.error?.code], [
      200, // no client leaves what is answered 200 unread
      7,
      -32602,
    ]);
    assertStringIncludes(
      answer.error?.message ?? "",
      "params.arguments.value[0] is 1234567890123456789, which no double " +
        "holds: send a string",
    );
  }
});

Deno.test("an MCP endpoint reads escaped names right, whoever parsed what before", async () => {
  const { handle } = openServer();
  JSON.parse('{"delimiter":1,"\\\\":2}'); // V8 15.0 misreads what follows
  for (const write of [modern, legacy]) {
    const body = write('{"value":{"delimiter":1,"\\n":2}}');
    const answer = await ask({ handle }, raw(body, headersOf(body)));
    assertEquals(JSON.parse(textOf(answer)), ["delimiter", "\n"]);
  }
});

Deno.test("an envelope with an escaped name verifies, whoever parsed what before", async () => {
  const { handle } = openServer();
  JSON.parse('{"delimiter":1,"\\\\":2}');
  const value = { delimiter: 1, "\n": 2 };
  const response = await handle(
    request(signed({ tool: "names", args: { value } })),
  );
  assertEquals((await response.json()).result, ["\n", "delimiter"]); // as signed
});

Deno.test("a tool gets the arguments as they were signed: order of members, and no -0", async () => {
  const { handle } = openServer();
  const value = { createdAt: -1, name: { b: 0, a: [0] } };
  const body = signed({ tool: "names", args: { value } });
  const sent = [
    body,
    body.replace(/\{"createdAt":-1,("name":.*?\]\})\}/, '{$1,"createdAt":-1}'),
    body.replace('"b":0,"a":[0]', '"a":[-0],"b":-0.0'),
    body.replace('{"createdAt"', '{ "\\u0063reatedAt"'),
  ];
  assertEquals(new Set(sent).size, sent.length);
  for (const [i, text] of sent.entries()) {
    const fresh = JSON.parse(text);
    const nonce = `${fresh.nonce}${i}`;
    const { signature: _, ...unsigned } = { ...fresh, nonce };
    const mac = signatureOf(JSON.parse(JSON.stringify(unsigned)), SECRET);
    const response = await handle(request(
      text.replace(fresh.nonce, nonce).replace(fresh.signature, mac),
    ));
    const { result } = await response.json();
    assertEquals(result, ["createdAt", "name"]);
    assertEquals(
      lastValue,
      { createdAt: -1, name: { a: [0], b: 0 } }, // where -0 is no 0
    );
    assertEquals(
      JSON.stringify(lastValue),
      JSON.stringify(value)
        .replace('"b":0,"a":[0]', '"a":[0],"b":0'),
    );
  }
});

Deno.test("numbers that are written otherwise than signed are told, to strangers alike", async () => {
  const { handle } = openServer();
  const errorOf = async (body: string) =>
    (await (await handle(request(body))).json()).error;
  const written = (number: string, changes = {}) => {
    const body = fields({ tool: "names", args: { value: [1] }, ...changes });
    const text = canonical(body).replace("[1]", `[${number}]`);
    const signature = signatureOfText(text); // as who knows no RFC 8785 signs
    return text.replace(/}$/, `,"signature":"${signature}"}`);
  };
  for (
    const [number, says] of [
      ["1.0", "1 and not 1.0"],
      ["1e-05", "0.00001 and not 1e-05"],
      ["-0.0", "0 and not -0.0"],
      ["1E2", "100 and not 1E2"],
    ]
  ) {
    const wrong = await errorOf(written(number));
    assertEquals(
      wrong,
      "unauthenticated: The client is unknown or the signature is wrong; " +
        `numbers are signed as RFC 8785 writes them, ${says}`,
    );
    assertEquals(
      await errorOf(written(number, { client_id: "nobody" })),
      wrong,
    );
  }
  const plain = await errorOf(written("2").replace("[2]", "[3]"));
  assertEquals(
    plain,
    "unauthenticated: The client is unknown or the signature is wrong",
  );
  // What says the same as what was signed is taken, however it is written.
  const body = signed({ tool: "names", args: { value: [1] } });
  const response = await handle(request(body.replace("[1]", "[1.0]")));
  assertEquals(response.status, 200);
});

Deno.test("what a store keeps is read right, whoever parsed what before", () => {
  JSON.parse('{"delimiter":1,"\\\\":2}');
  const value = { delimiter: 1, "\n": ['"\\n":'] };
  assertEquals(fromBytes(toBytes(value)), value);
});

/** So many names, in order, with 0 each. */
function names(count: number): string {
  return Array.from({ length: count }, (_, i) => `"c${i}":0`).join();
}

function seeded(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
}

/** JSON of few names, so that some are there twice, written in several ways. */
function randomJson(random: (below: number) => number, depth: number): string {
  const space = ["", " ", "\n", "\t "][random(4)];
  const many = (write: () => string) =>
    Array.from({ length: random(5) }, write).join(`${space},`);
  const inner = () => randomJson(random, depth + 1);
  const texts = ['""', '"a"', '"\\""', '"{,:"', '"\\\\"', '"\\u0061b"', '"é"'];
  const string = () => texts[random(texts.length)];
  switch (random(depth > 4 ? 4 : 6)) {
    case 0:
      return ["0", "-1.5e-3", "12", "true", "false", "null"][random(6)];
    case 1:
    case 2:
    case 3:
      return string();
    case 4:
      return `[${space}${many(inner)}${space}]`;
    default:
      return `{${space}${many(() => `${string()}${space}:${inner()}`)}}`;
  }
}

/** A text whose strings are written as their characters' numbers, without escapes. */
function encode(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, (string) => {
    const numbers = Array.from(
      JSON.parse(string) as string,
      (character) => character.codePointAt(0),
    );
    return `"n${numbers.join("-")}"`; // no name of one character among them
  });
}

function decode(value: unknown): unknown {
  const text = (name: string) =>
    name === "n" ? "" : String.fromCodePoint(
      ...name.slice(1).split("-").map(Number),
    );
  if (typeof value === "string") return text(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(decode);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [text(name), decode(member)]),
  );
}

/** Whether some object of a text has a name twice: read from the inside out. */
function hasDuplicate(text: string): boolean {
  for (let rest = encode(text);;) {
    const inner = /[[{][^[\]{}]*[\]}]/.exec(rest);
    if (inner === null) return false;
    const found = Array.from(
      inner[0].matchAll(/"n([\d-]*)"\s*:/g),
      ([, name]) => name,
    );
    if (new Set(found).size < found.length) return true;
    rest = rest.slice(0, inner.index) + "0" +
      rest.slice(inner.index + inner[0].length);
  }
}

/** A server without tools, for what is refused before one is looked for. */
function bareServer() {
  return createServer({
    ...PARTIES,
    nonces: { store: "memory" },
    tools: {},
  });
}

/** What the tool below was last called with. */
let lastValue: unknown;

function signatureOfText(text: string): string {
  return createHmac("sha256", SECRET).update(text).digest("hex");
}

/** A server with one tool that tells the names of what it got, for everybody. */
function openServer() {
  return createServer({
    ...PARTIES,
    nonces: { store: "memory" },
    mcp: { authenticate: "none" },
    tools: {
      names: defineTool({
        description: "Tells the names of what it got",
        input: type({ value: "unknown" }),
        run: ({ value }) => Object.keys((lastValue = value) as object),
      }),
    },
  });
}

function modern(args: string): string {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": REVISION,
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":` +
    `{"name":"names","arguments":${args},"_meta":${JSON.stringify(meta)}}}`;
}

function legacy(args: string): string {
  return `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":` +
    `{"name":"names","arguments":${args}}}`;
}

function headersOf(body: string): Record<string, string> {
  const type = { "content-type": "application/json" };
  if (!body.includes("_meta")) return type; // as before 2025-06-18
  return {
    ...type,
    "mcp-protocol-version": REVISION,
    "mcp-method": "tools/call",
    "mcp-name": "names",
  };
}
