/** Reads answers of `mcp/0.1` as PROTOCOL.md has them, and nothing of `src/`. */
import { createHmac, hkdfSync } from "node:crypto";
import type { Sent } from "./observed_server.ts";
import {
  canonicalOf,
  type JsonObject,
  readBytes,
  type Value,
} from "./strict_json.ts";
import { brief, must } from "./violation.ts";

/** The table of errors, as the document has it. */
const TABLE = readTable();

const MEMBERS = "error ok request_id result server_id signature status ts_ms v";
const HTTP: Readonly<Record<string, number>> = {
  ok: 200,
  accepted: 202,
  running: 200,
  done: 200,
};
/** Codes with which a job may end: then the poll went well. */
const ENDINGS = ["tool_failed", "result_too_large", "job_cancelled"];

const LONGEST_SENTENCE = 5000;
const LONGEST_ISSUE = 500;
const MOST_ISSUES = 20;

export interface EnvelopeAnswer {
  readonly status: string;
  /** The error's code; the status where there is none. */
  readonly code: string;
  readonly sentence: string;
  readonly signed: boolean;
  readonly result: Value;
}

/** @param secret The caller's, if the answer may be signed at all. */
export function checkAnswer(
  sent: Pick<Sent, "bytes" | "text" | "headers"> & { readonly status: number },
  { requestId, serverId, secret }: {
    requestId: string | undefined;
    serverId: string;
    secret: string | undefined;
  },
): EnvelopeAnswer {
  const read = readBytes(sent.bytes);
  const form = "an answer is of its form";
  const what = () => `HTTP ${sent.status}: ${brief(sent.text)}`;
  must(read?.value instanceof Map, form, what);
  must(
    read.problems.size === 0,
    "texts are well formed",
    () => `${[...read.problems]}: ${what()}`,
  );
  const envelope = read.value;
  must([...envelope.keys()].sort().join(" ") === MEMBERS, form, what);
  const { error, ok, request_id, server_id, signature, status, ts_ms, v } =
    Object.fromEntries(envelope);
  must(
    v === "mcp/0.1" && Number.isSafeInteger(ts_ms) &&
      typeof request_id === "string" && server_id === serverId &&
      typeof signature === "string" && typeof status === "string" &&
      ok === (status !== "error") && ok === (error === null) &&
      (error === null || typeof error === "string"),
    form,
    what,
  );
  must(
    requestId === undefined || request_id === requestId,
    form,
    () => `request_id is "${request_id}", not "${requestId}"`,
  );
  const [, code = "", sentence = ""] =
    /^(\w+): (.*)$/s.exec(error === null ? `${status}: ` : error) ?? [];
  checkStatus(sent.status, String(status), code, what);
  checkTexts(sentence, envelope.get("result") as Value, what);
  const signed = signature !== "";
  must(!ok || signed, "no success is unsigned", what);
  const signs = TABLE.get(code)?.signed ?? "yes";
  must(
    signs === "either" || signed === (signs === "yes"),
    "who signs is of the table",
    what,
  );
  if (signed) {
    must(secret !== undefined, "who signs is of the table", what);
    const right = signature === answerMac(envelope, secret);
    must(right, "a signed answer verifies", what);
  }
  const result = envelope.get("result") as Value;
  return { status: String(status), code, sentence, signed, result };
}

function checkStatus(
  http: number,
  status: string,
  code: string,
  what: () => string,
): void {
  const table = "status and code are of the table";
  if (status !== "error") return must(HTTP[status] === http, table, what);
  const row = TABLE.get(code);
  must(row !== undefined, table, what);
  must(
    row.http === http || (http === 200 && ENDINGS.includes(code)),
    table,
    what,
  );
}

function checkTexts(sentence: string, result: Value, what: () => string): void {
  must(sentence.length <= LONGEST_SENTENCE, "texts are bounded", what);
  if (!(result instanceof Map)) return;
  const issues = result.get("issues");
  if (!Array.isArray(issues)) return;
  must(issues.length <= MOST_ISSUES, "texts are bounded", what);
  for (const issue of issues) {
    const message = issue instanceof Map ? issue.get("message") : undefined;
    if (typeof message !== "string") continue; // a tool's own
    must(message.length <= LONGEST_ISSUE, "texts are bounded", what);
  }
}

/** The MAC that a request must have. */
export function requestMac(envelope: JsonObject, secret: string): string {
  return mac(envelope, secret);
}

/** The MAC that an answer must have. */
export function answerMac(envelope: JsonObject, secret: string): string {
  return mac(envelope, answerKey(secret));
}

const keys = new Map<string, Uint8Array>();

export function answerKey(secret: string): Uint8Array {
  const known = keys.get(secret) ??
    new Uint8Array(hkdfSync("sha256", secret, "", "mcp/0.1 response", 32));
  keys.set(secret, known);
  return known;
}

function mac(envelope: JsonObject, key: string | Uint8Array): string {
  const unsigned = new Map(envelope);
  unsigned.delete("signature");
  return createHmac("sha256", key).update(canonicalOf(unsigned)).digest("hex");
}

function readTable(): ReadonlyMap<string, { http: number; signed: string }> {
  const file = new URL("../../PROTOCOL.md", import.meta.url);
  const rows = Deno.readTextFileSync(file).matchAll(
    /^\| `(\w+)` +\| (\d{3}) +\| (no|yes|either) +\|/gm,
  );
  const table = new Map<string, { http: number; signed: string }>();
  for (const [, code, http, signed] of rows) {
    table.set(code, { http: Number(http), signed });
  }
  if (table.size < 20) throw new Error("PROTOCOL.md has no table of errors");
  return table;
}
