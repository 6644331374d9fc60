/** Reads answers of the Model Context Protocol as JSON-RPC 2.0 has them. */
import type { Sent } from "./observed_server.ts";
import {
  canonicalOf,
  type JsonObject,
  readBytes,
  readText,
  type StrictText,
  type Value,
} from "./strict_json.ts";
import { brief, must } from "./violation.ts";

/** Statuses that the transport or HTTP has for what an MCP endpoint says. */
const STATUSES = [
  200,
  202,
  204,
  400,
  401,
  403,
  404,
  405,
  406,
  408,
  409,
  413,
  415,
  421,
  429,
  500,
  503,
];
/** Codes of JSON-RPC, of the specification, and our own: 1000 + a status. */
const CODES = [
  -32700,
  -32600,
  -32601,
  -32602,
  -32603,
  -32020,
  -32021,
  -32022,
  1401,
  1403,
  1404,
  1405,
  1406,
  1409,
  1429,
  1503,
];
const LONGEST_MESSAGE = 20_000;

/** One answer of a body: to one request. */
export interface RpcAnswer {
  readonly id: Value | undefined;
  readonly result: JsonObject | undefined;
  /** The error's code. */
  readonly code: number | undefined;
  readonly message: string;
  /** Whether a tool's failure is the result. */
  readonly failed: boolean;
}

/** @returns The answers; none where nothing was to be answered. */
export function checkRpc(sent: Sent): RpcAnswer[] {
  const { status, headers, bytes } = sent;
  const what = () => `HTTP ${status}: ${brief(sent.text)}`;
  must(STATUSES.includes(status), "status and code are of the table", what);
  const type = headers.get("content-type") ?? "";
  if (bytes.length === 0) {
    must(status !== 200 || sent.open, "an answer is of its form", what);
    return [];
  }
  if (type.startsWith("text/event-stream")) return checkEvents(sent, what);
  must(type.startsWith("application/json"), "an answer is of its form", what);
  const { value } = good(readBytes(bytes), what);
  const answers = Array.isArray(value) ? value : [value];
  return answers.map((answer) => checkResponse(answer, what));
}

function checkEvents(sent: Sent, what: () => string): RpcAnswer[] {
  const frames = sent.text.split("\n\n").map((event) =>
    event.split("\n").filter((line) => line.startsWith("data: "))
      .map((line) => line.slice(6)).join("\n")
  ).filter((data) => data !== "")
    .map((data) => good(readText(data), what).value);
  const last = frames.at(-1);
  for (const frame of frames.slice(0, -1)) checkNotification(frame, what);
  if (last instanceof Map && last.has("method")) {
    must(sent.open, "an answer is of its form", () => `no end: ${what()}`);
    checkNotification(last, what);
    return [];
  }
  must(last !== undefined, "an answer is of its form", what);
  return [checkResponse(last, what)];
}

function checkNotification(frame: Value, what: () => string): void {
  const fits = frame instanceof Map && frame.get("jsonrpc") === "2.0" &&
    typeof frame.get("method") === "string" && !frame.has("id") &&
    frame.get("params") instanceof Map;
  must(fits, "an answer is of its form", what);
}

function good(read: StrictText | undefined, what: () => string): StrictText {
  must(read !== undefined, "an answer is of its form", what);
  // A result may have 64 levels, to which the message adds its own.
  const problems = [...read.problems].filter((one) => one !== "deeper than 64");
  must(
    problems.length === 0,
    "texts are well formed",
    () => `${problems}: ${what()}`,
  );
  return read;
}

function checkResponse(answer: Value, what: () => string): RpcAnswer {
  const form = "an answer is of its form";
  must(answer instanceof Map && answer.get("jsonrpc") === "2.0", form, what);
  const id = answer.get("id");
  const result = answer.get("result");
  const error = answer.get("error");
  must((result === undefined) !== (error === undefined), form, what);
  if (error === undefined) {
    must(result instanceof Map, form, what);
    const content = result.get("content");
    const failed = result.get("isError") === true;
    if (failed) checkWords(canonicalOf(content ?? null), what);
    return { id, result, code: undefined, message: "", failed };
  }
  must(error instanceof Map, form, what);
  const code = error.get("code");
  const message = error.get("message");
  must(typeof code === "number" && typeof message === "string", form, what);
  must(CODES.includes(code), "status and code are of the table", what);
  checkWords(message, what);
  return { id, result: undefined, code, message, failed: false };
}

function checkWords(words: string, what: () => string): void {
  must(
    words.length <= LONGEST_MESSAGE,
    "texts are bounded",
    () => `${words.length} characters in an error; ${what()}`,
  );
}
