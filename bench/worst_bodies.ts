/**
 * Bodies of 1 MiB that cost the most to refuse, of all that are known, each
 * beside one of its shape that is accepted.
 */
import { createHmac } from "node:crypto";
import * as z from "npm:zod@4.2.1";
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
  request(): Request;
}

/** What is accepted, and what is refused that is of the same size and shape. */
export interface Comparison {
  readonly accepted: Sample;
  readonly refused: readonly Sample[];
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
      numbers_by_zod: defineTool({
        description: "Takes numbers, by another library's schema",
        input: z.strictObject({ values: z.array(z.number()) }),
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
/** Objects of many members each, with the same names. */
const wide = () =>
  `{${Array.from({ length: 9000 }, (_, k) => `"${scrambled(k)}":0`).join()}}`;

/** JSON that a tool for anything takes, and that other tools refuse. */
const SHAPES: Record<string, string> = {
  "numbers": fill((i) => `${i * 7}`),
  "numbers as Python writes them": fill((i) => `${i}.0`),
  "texts": fill(() => '"x"'),
  "texts with escapes": fill((i) => `"${scrambled(i)} \\u00e9 and more"`),
  "rows": fill((i) => `{"kind":"c","z":${i}}`),
  "rows in no order": fill((i) => `{"z":${i},"kind":"a"}`),
  "rows with escaped names": fill(() => '{"\\n":"\\u0061"}'),
  "arrays": fill(() => "[[],[],{}]"),
  "nested": fill(() => "[".repeat(50) + "]".repeat(50)),
  "wide objects, in no order": fill(wide),
};

/** What the gate refuses before anybody is known, made of a shape. */
const FLAWS: Record<string, (shape: string) => string> = {
  "65 levels at the end": (shape) =>
    shape.replace(/\]$/, `,${"[".repeat(65)}${"]".repeat(65)}]`),
  "a name twice at the end": (shape) => shape.replace(/\]$/, ',{"a":0,"a":0}]'),
  "half a character at the end": (shape) => shape.replace(/\]$/, ',"\\ud800"]'),
  "a lost digit at the end": (shape) =>
    shape.replace(/\]$/, ",1234567890123456789]"),
  "no end": (shape) => shape.slice(0, -1),
};

/** Bodies that are refused whatever stands around them. */
const HOPELESS: Record<string, string> = {
  "nested 900 deep": fill(() => "[".repeat(900) + "]".repeat(900)),
  "zeros": fill(() => "0"),
  "members by number": fill((i) => `"${i}":0`, "{}"),
  "members in no order": fill((i) => `"${scrambled(i)}":0`, "{}"),
  "rows of other names each": fill((i) => `{"${scrambled(i)}":0}`),
};

/** The tools that take less than anything. */
const TYPED = ["numbers", "choices", "numbers_by_zod"];

/** The envelopes. */
export const envelopes: readonly Comparison[] = Object.entries(SHAPES).map(
  ([name, shape]) => ({
    accepted: {
      name: `${name}, accepted`,
      status: 200,
      request: () => post("/", envelopeOf("anything", shape)),
    },
    refused: [
      {
        name: `${name}, with a wrong signature`,
        status: 401,
        request: () => post("/", wronglySigned(shape)),
      },
      ...TYPED.filter(() => !name.startsWith("numbers")).map((tool) => ({
        name: `${name}, for ${tool}`,
        status: 422,
        request: () => post("/", envelopeOf(tool, shape)),
      })),
      ...Object.entries(FLAWS).map(([flaw, write]) => ({
        name: `${name}, ${flaw}`,
        status: 400,
        request: () => post("/", wronglySigned(write(shape))),
      })),
      ...Object.entries(name === "numbers" ? HOPELESS : {}).flatMap((
        [what, body],
      ) => [{
        name: `${what} as an envelope`,
        status: 400,
        request: () => post("/", body),
      }, {
        name: `${what} in an envelope`,
        status: what === "zeros" ? 401 : 400,
        request: () => post("/", wronglySigned(body)),
      }]),
    ],
  }),
);

/** The messages of MCP; where arguments are wrong, a result says so. */
export const messages: readonly Comparison[] = Object.entries(SHAPES).map(
  ([name, shape]) => ({
    accepted: {
      name: `${name}, accepted`,
      status: 200,
      request: () => postMcp("anything", shape),
    },
    refused: [
      ...TYPED.filter(() => !name.startsWith("numbers")).map((tool) => ({
        name: `${name}, for ${tool}`,
        status: 200,
        request: () => postMcp(tool, shape),
      })),
      ...Object.entries(FLAWS).map(([flaw, write]) => ({
        name: `${name}, ${flaw}`,
        status: flaw.includes("digit") ? 200 : 400,
        request: () => postMcp("anything", write(shape)),
      })),
      ...Object.entries(name === "numbers" ? HOPELESS : {})
        .filter(([what]) => what !== "zeros").map(([what, body]) => ({
          name: `${what}, in a message`,
          status: 400,
          request: () => postMcp("anything", body),
        })),
    ],
  }),
);

/** An envelope with its values as they are written, signed as RFC 8785 has them. */
function envelopeOf(tool: string, values: string, sign = signatureOf): string {
  const nonce = crypto.randomUUID();
  const requestId = crypto.randomUUID();
  const now = Date.now();
  const signature = sign({
    args: { values },
    client_id: CLIENT,
    nonce,
    request_id: requestId,
    server_id: SERVER,
    tool,
    ts_ms: now,
    v: "mcp/0.1",
  });
  return `{"args":{"values":${values}},"client_id":"${CLIENT}",` +
    `"nonce":"${nonce}","request_id":"${requestId}",` +
    `"server_id":"${SERVER}","signature":"${signature}",` +
    `"tool":"${tool}","ts_ms":${now},"v":"mcp/0.1"}`;
}

function wronglySigned(values: string): string {
  return envelopeOf("anything", values, () => "0".repeat(64));
}

function signatureOf(
  { args, ...rest }: Record<string, unknown> & { args: { values: string } },
): string {
  const values: unknown = JSON.parse(args.values);
  const text = canonicalJson({ args: { values }, ...rest });
  return createHmac("sha256", SECRET).update(text).digest("hex");
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
