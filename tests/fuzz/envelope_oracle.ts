/** What PROTOCOL.md says must be answered to some bytes, read from the document. */
import {
  CLIENT_ID,
  OTHER_ID,
  OTHER_SECRET,
  SECRET,
  SERVER_ID,
} from "../support/parties.ts";
import { requestMac } from "./envelope_answer.ts";
import { NOW } from "./observed_server.ts";
import { type JsonObject, readBytes, type Value } from "./strict_json.ts";

/** What must be answered, and to whom. */
export interface Expected {
  /** One of these codes, or statuses where all is well. */
  readonly codes: readonly string[];
  readonly requestId: string | undefined;
  /** Who signed it, if somebody did. */
  readonly caller: string | undefined;
  readonly tool?: string;
  readonly args?: Value;
}

const ID = /^[A-Za-z0-9_.:-]{1,128}$/;
const MAX_BODY = 1_048_576;
const WINDOW_MS = 300_000;
const SECRET_OF = new Map([[CLIENT_ID, SECRET], [OTHER_ID, OTHER_SECRET]]);
const TOOLS = [
  "take",
  "read",
  "forbidden",
  "sum",
  "strict",
  "returns",
  "tells",
  "keep",
  "prepared",
  "returns_later",
  "waits",
  "mutters",
  "asks",
];
const BUILTINS = [
  "server_identity",
  "list_tools",
  "poll_job",
  "answer_job",
  "list_jobs",
  "cancel_job",
];
/** Of the rest only the tool's schema knows. */
const DONE = ["ok", "accepted", "running", "done", "invalid_args"];

export function expectedOf(bytes: Uint8Array): Expected {
  const stranger = { caller: undefined, requestId: undefined };
  if (bytes.length > MAX_BODY) {
    return { ...stranger, codes: ["payload_too_large"] };
  }
  const read = readBytes(bytes);
  const malformed = { ...stranger, codes: ["malformed"] };
  if (read === undefined || read.problems.has("deeper than 64")) {
    return malformed;
  }
  if (!isEnvelope(read.value)) return malformed;
  const envelope = read.value;
  const text = (name: string) => envelope.get(name) as string;
  const secret = SECRET_OF.get(text("client_id"));
  const isSigned = secret !== undefined &&
    requestMac(envelope, secret) === text("signature");
  if (read.problems.size > 0) {
    // That the signature is right changes nothing.
    return { ...malformed, ...isSigned && { caller: text("client_id") } };
  }
  const requestId = text("request_id");
  if (text("server_id") !== SERVER_ID) {
    return { ...stranger, requestId, codes: ["wrong_server"] };
  }
  if (!isSigned) {
    // A number that RFC 8785 writes otherwise may be told as what it is.
    const codes = [
      "unauthenticated",
      ...read.plainNumbers ? [] : ["malformed"],
    ];
    return { ...stranger, requestId, codes };
  }
  const caller = text("client_id");
  const tool = text("tool");
  const args = envelope.get("args") ?? new Map();
  const known = { requestId, caller, tool, args };
  if (Math.abs(NOW - Number(envelope.get("ts_ms"))) > WINDOW_MS) {
    return { ...known, codes: ["stale_timestamp"] };
  }
  return { ...known, codes: codesOf(tool, caller, args as JsonObject) };
}

function codesOf(
  tool: string,
  caller: string,
  args: JsonObject,
): readonly string[] {
  if (!TOOLS.includes(tool) && !BUILTINS.includes(tool)) {
    return ["unknown_tool"];
  }
  if (tool === "forbidden" && caller === CLIENT_ID) {
    return ["unknown_tool"]; // it reads like none
  }
  if (["take", "read", "forbidden"].includes(tool)) {
    const fits = [...args.keys()].every((name) => name === "value");
    return [fits ? "ok" : "invalid_args"];
  }
  return [...DONE, ...tool === "sum" ? ["tool_failed"] : []];
}

function isEnvelope(value: Value): value is JsonObject {
  if (!(value instanceof Map)) return false;
  const rest = new Map(value);
  const take = (name: string, fits: (value: Value | undefined) => boolean) => {
    const found = rest.get(name);
    rest.delete(name);
    return fits(found);
  };
  const matches = (pattern: RegExp) => (value: Value | undefined) =>
    typeof value === "string" && pattern.test(value) && !value.endsWith("\n");
  return [
    take("v", (v) => v === "mcp/0.1"),
    take("ts_ms", (ts) => Number.isSafeInteger(ts) && Number(ts) >= 0),
    take("args", (args) => args === undefined || args instanceof Map),
    ...["request_id", "client_id", "server_id", "tool"].map((name) =>
      take(name, matches(ID))
    ),
    take("nonce", matches(/^[A-Za-z0-9_.:-]{16,128}$/)),
    take("signature", matches(/^[0-9a-f]{64}$/)),
    rest.size === 0,
  ].every(Boolean);
}
