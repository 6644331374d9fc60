/**
 * Bodies of 1 MiB that cost the most to refuse, of all that are known, and one
 * of each protocol that is accepted.
 */
import { createHmac } from "node:crypto";
import { createServer, defineTool, type Server, type } from "../mod.ts";
import { canonicalJson } from "../src/json/canonical_json.ts";

const SERVER = "bench-server";
const CLIENT = "bench-client";
const SECRET = "a-secret-for-the-bench-of-enough-bytes";
const BYTES = 1_048_576;
/** What an envelope or a message of MCP has around its arguments. */
const AROUND = 600;

/** A request that is sent, and with which HTTP status it is answered. */
export interface Sample {
  readonly name: string;
  readonly status: number;
  /** Whether it is refused; what is accepted is what refusals are measured by. */
  readonly isRefused: boolean;
  request(): Request;
}

/** A server whose tools take what the bodies below carry. */
export function measuredServer(): Server {
  const run = () => "taken";
  return createServer({
    serverId: SERVER,
    serverSecret: "the-servers-secret-for-the-bench-as-long",
    clients: { [CLIENT]: SECRET },
    nonces: { store: "memory" },
    mcp: { authenticate: "none" },
    log: () => {},
    tools: {
      numbers: defineTool({
        description: "Takes numbers",
        input: type({ values: "number[]" }),
        run,
      }),
      choices: defineTool({
        description: "Takes numbers, and rows of two kinds",
        input: type({
          values: type("number")
            .or({ kind: "'a'", x: "number" })
            .or({ kind: "'b'", y: "string" })
            .array(),
        }),
        run,
      }),
      anything: defineTool({
        description: "Takes anything",
        input: type({ values: "unknown" }),
        run,
      }),
    },
  });
}

/** As many parts as fit, between brackets. */
function fill(part: (i: number) => string, brackets = "[]"): string {
  const parts: string[] = [];
  for (let length = AROUND, i = 0; length < BYTES; i++) {
    const next = part(i);
    length += next.length + 1;
    if (length < BYTES) parts.push(next);
  }
  return `${brackets[0]}${parts.join()}${brackets[1]}`;
}

/** Names in no order. */
const scrambled = (i: number) => ((i * 2_654_435_761) >>> 0).toString(36);
/** Objects of as many members as one may have. */
const wide = (i: number) =>
  `{${
    Array.from({ length: 9000 }, (_, k) => `"${scrambled(i * 9000 + k)}":0`)
      .join()
  }}`;

/** Arguments, by the tool that they are for; `values` is JSON. */
interface Arguments {
  readonly name: string;
  readonly tool: string;
  readonly values: string;
  readonly isRefused: boolean;
}

const ACCEPTED: Arguments[] = [
  {
    name: "numbers",
    tool: "numbers",
    values: fill((i) => `${i * 7}`),
    isRefused: false,
  },
];

/** Refused by their schema: after the MAC. */
const WRONG: Arguments[] = Object.entries({
  "strings for numbers": fill(() => '"x"'),
  "texts for numbers": fill((i) => `"${scrambled(i)} \\u00e9 and more"`),
  "unknown members": fill((i) => `{"k${i}":0}`),
  "rows of a wrong kind": fill(() => '{"kind":"c","z":{}}'),
  "half-right rows": fill(() => '{"kind":"a","x":"1","y":[]}'),
  "arrays for numbers": fill(() => "[[],[],{}]"),
}).flatMap(([name, values]) =>
  ["numbers", "choices"].map((tool) => ({
    name: `${name}, for ${tool}`,
    tool,
    values,
    isRefused: true,
  }))
);

/** Refused by the gate, before anybody is known. */
const FLAWED: Record<string, string> = {
  "nested 900 deep": fill(() => "[".repeat(900) + "]".repeat(900)),
  "nested 64 deep, then 65": fill(() => "[".repeat(60) + "]".repeat(60))
    .replace(/\]$/, `,${"[".repeat(65)}${"]".repeat(65)}]`),
  "an object of everything": fill((i) => `"${i}":0`, "{}"),
  "names in no order": fill((i) => `"${scrambled(i)}":0`, "{}"),
  "a name twice, at the end": fill((i) => i ? `{"a":${i}}` : "0")
    .replace(/\]$/, ',{"a":0,"a":0}]'),
  "half a character, at the end": fill(() => '"\\\\ud83d\\ud83d\\ude00"')
    .replace(/\]$/, ',"\\ud800"]'),
  "a lost digit, at the end": fill((i) => `${i}.5e3`)
    .replace(/\]$/, ",1234567890123456789]"),
  "no end": fill((i) => `{"a":${i}}`).slice(0, -1),
};

/** Refused by their signature: read to the end, and by the MAC. */
const UNSIGNED: Record<string, string> = {
  "numbers": ACCEPTED[0].values,
  "numbers as Python writes them": fill((i) => `${i}.0`),
  "wide objects, in no order": fill(wide),
  "rows in no order": fill((i) => `{"b":${i},"a":0}`),
  "escapes": fill(() => '{"\\n":"\\u0061"}'),
};

/** Envelopes: what is accepted first, then what is refused. */
export const envelopes: readonly Sample[] = [
  ...[...ACCEPTED, ...WRONG].map(({ tool, values, ...sample }) => ({
    ...sample,
    status: sample.isRefused ? 422 : 200,
    request: () => post("/", envelopeOf(tool, values)),
  })),
  ...Object.entries(UNSIGNED).map(([name, values]) => ({
    name: `${name}, wrongly signed`,
    status: 401,
    isRefused: true,
    request: () => post("/", wronglySigned(values)),
  })),
  ...Object.entries(FLAWED).map(([name, values]) => ({
    name,
    status: 400,
    isRefused: true,
    request: () => post("/", wronglySigned(values)),
  })),
  ...Object.entries({
    "an array of zeros": fill(() => "0"),
    "members by number": fill((i) => `"${i}":0`, "{}"),
    "members by name": fill((i) => `"member ${i}":0`, "{}"),
    "a text": `"${"x".repeat(BYTES - AROUND)}"`,
  }).map(([name, body]) => ({
    name: `${name} for an envelope`,
    status: 400,
    isRefused: true,
    request: () => post("/", body),
  })),
];

/** Messages of MCP: what is accepted first, then what is refused. */
export const messages: readonly Sample[] = [
  ...[...ACCEPTED, ...WRONG].map(({ tool, values, ...sample }) => ({
    ...sample,
    status: 200, // where a tool's arguments are wrong, the result says so
    request: () => postMcp(tool, values),
  })),
  ...Object.entries(FLAWED).map(([name, values]) => ({
    name,
    status: /digit/.test(name) ? 200 : 400,
    isRefused: true,
    request: () => postMcp("anything", values),
  })),
];

function envelopeOf(tool: string, values: string): string {
  const text = canonicalJson({
    args: { values: JSON.parse(values) },
    client_id: CLIENT,
    nonce: crypto.randomUUID(),
    request_id: crypto.randomUUID(),
    server_id: SERVER,
    tool,
    ts_ms: Date.now(),
    v: "mcp/0.1",
  });
  const signature = createHmac("sha256", SECRET).update(text).digest("hex");
  const at = text.lastIndexOf('"tool":"');
  return `${text.slice(0, at)}"signature":"${signature}",${text.slice(at)}`;
}

function wronglySigned(values: string): string {
  return `{"args":{"values":${values}},"client_id":"${CLIENT}","nonce":"` +
    `${crypto.randomUUID()}","request_id":"${crypto.randomUUID()}",` +
    `"server_id":"${SERVER}","signature":"${"0".repeat(64)}",` +
    `"tool":"anything","ts_ms":${Date.now()},"v":"mcp/0.1"}`;
}

function postMcp(tool: string, values: string): Request {
  const meta = JSON.stringify({
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  });
  const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` +
    `{"name":"${tool}","arguments":{"values":${values}},"_meta":${meta}}}`;
  return post("/mcp", body, {
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": tool,
  });
}

function post(
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Request {
  return new Request(`http://localhost${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
}
