/** An answer of `mcp/0.1` as plain data: what is written, signed, and altered. */
import { createHmac } from "node:crypto";
import fc from "npm:fast-check@4.10.2";
import { OTHER_SECRET, SECRET, SERVER_ID } from "../support/parties.ts";
import { answerKey, answerMac } from "./envelope_answer.ts";
import { NOW } from "./observed_server.ts";
import {
  canonicalOf,
  type JsonObject,
  type Problem,
  readBytes,
  readText,
} from "./strict_json.ts";
import {
  applyByteEdits,
  applyEdits,
  type ByteEdit,
  byteEdits,
  type Edit,
  edits,
} from "./edits.ts";
import { jsonText, largeText } from "./json_texts.ts";
import { literal, text } from "./texts.ts";

export interface AnswerDraft {
  readonly method: "call" | "start";
  readonly status: "ok" | "accepted" | "running" | "done" | "error";
  /** The error's text. */
  readonly error: string;
  /** JSON text. */
  readonly result: string;
  readonly changes: readonly {
    readonly set: string;
    /** JSON text; `undefined` takes the member out. */
    readonly to: string | undefined;
  }[];
  readonly signer: "the server" | "another" | "the client" | "nobody";
  readonly edits: readonly Edit[];
  readonly bytes: readonly ByteEdit[];
  readonly http: number;
  readonly retryAfter: string | undefined;
  /** 0 for a body that is no stream. */
  readonly pieces: number;
  readonly breaksAt: number | undefined;
}

const CODES = [
  "unavailable",
  "malformed",
  "unauthenticated",
  "not_found",
  "invalid_args",
  "replayed",
  "tool_failed",
  "job_cancelled",
  "stale_timestamp",
  "rate_limited",
  "unreachable",
  "unverified_answer",
  "no_such_code",
  "toString",
];

export const answerDrafts: fc.Arbitrary<AnswerDraft> = fc.record({
  method: fc.oneof(
    { weight: 3, arbitrary: fc.constant("call" as const) },
    { weight: 1, arbitrary: fc.constant("start" as const) },
  ),
  status: fc.oneof(
    { weight: 3, arbitrary: fc.constant("ok" as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        "accepted" as const,
        "running" as const,
        "done" as const,
      ),
    },
    { weight: 3, arbitrary: fc.constant("error" as const) },
  ),
  error: fc.tuple(
    fc.constantFrom(...CODES),
    fc.constantFrom(": ", ":", ""),
    text,
  ).map((parts) => parts.join("")),
  result: fc.oneof(
    { weight: 6, arbitrary: jsonText },
    {
      weight: 3,
      arbitrary: fc.tuple(
        fc.constantFrom("job_id", "issues", "poll_after_ms"),
        jsonText,
      ).map(([name, value]) => `{"${name}":${value}}`),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        "null",
        '{"job_id":"j","poll_after_ms":1e300}',
        '{"job_id":"j","poll_after_ms":-1}',
        '{"job_id":"j","poll_after_ms":"x"}',
        '{"job_id":5}',
        '{"issues":5}',
        '{"issues":[null]}',
        '{"issues":[{"path":[],"message":"m"}]}',
      ),
    },
    { weight: 1, arbitrary: largeText },
  ),
  changes: fc.oneof(
    { weight: 3, arbitrary: fc.constant<never[]>([]) },
    {
      weight: 1,
      arbitrary: fc.array(
        fc.record({
          set: fc.constantFrom(
            "v",
            "request_id",
            "ts_ms",
            "ok",
            "server_id",
            "status",
            "result",
            "error",
            "extra",
            "__proto__",
          ),
          to: fc.oneof(
            fc.constant(undefined),
            jsonText,
            fc.constantFrom("true", "false", "null", '"ok"', '""', "1e400"),
          ),
        }),
        { minLength: 1, maxLength: 2 },
      ),
    },
  ),
  signer: fc.oneof(
    { weight: 4, arbitrary: fc.constant("the server" as const) },
    { weight: 2, arbitrary: fc.constant("nobody" as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("another" as const, "the client" as const),
    },
  ),
  edits: fc.oneof(
    { weight: 2, arbitrary: fc.constant<never[]>([]) },
    { weight: 1, arbitrary: edits },
  ),
  bytes: byteEdits,
  http: fc.constantFrom(200, 202, 400, 401, 404, 429, 500, 503, 302),
  retryAfter: fc.constantFrom(
    undefined,
    "0",
    "-1",
    "1e9",
    "x",
    "Infinity",
    "Wed, 21 Oct 2026 07:28:00 GMT",
  ),
  pieces: fc.constantFrom(0, 1, 7),
  breaksAt: fc.option(fc.integer({ min: 0, max: 1000 }), {
    freq: 12,
    nil: undefined,
  }),
});

const UNSIGNED = "0".repeat(64);

export function writeAnswer(
  draft: AnswerDraft,
  requestId: string,
): Uint8Array<ArrayBuffer> {
  const isError = draft.status === "error";
  const members = new Map([
    ["error", isError ? literal(draft.error, "plain") : "null"],
    ["ok", String(!isError)],
    ["request_id", JSON.stringify(requestId)],
    ["result", draft.result],
    ["server_id", JSON.stringify(SERVER_ID)],
    ["signature", `"${UNSIGNED}"`],
    ["status", JSON.stringify(draft.status)],
    ["ts_ms", String(NOW)],
    ["v", '"mcp/0.1"'],
  ]);
  for (const { set, to } of draft.changes) {
    if (to === undefined) members.delete(set);
    else members.set(set, to);
  }
  const texts = Array.from(members, ([name, value]) => `"${name}":${value}`);
  const signed = countersign(`{${texts.join()}}`, draft.signer);
  const text = applyEdits(signed, draft.edits);
  return applyByteEdits(new TextEncoder().encode(text), draft.bytes);
}

function countersign(text: string, signer: AnswerDraft["signer"]): string {
  if (signer === "nobody") return text.replace(UNSIGNED, "");
  const read = readText(text);
  if (!(read?.value instanceof Map) || read.problems.has("deeper than 64")) {
    return text;
  }
  const unsigned = new Map(read.value);
  unsigned.delete("signature");
  const key = signer === "the client"
    ? SECRET
    : answerKey(signer === "another" ? OTHER_SECRET : SECRET);
  const mac = createHmac("sha256", key).update(canonicalOf(unsigned));
  return text.replace(UNSIGNED, mac.digest("hex"));
}

/** What a client may take or leave: the value is the one that was signed. */
const HARMLESS: readonly Problem[] = [
  "an integer that no double holds",
  "more than 10000 names",
];

/** The answer, if it is what the server signed for this call. */
export function goodAnswerOf(
  bytes: Uint8Array,
  requestId: string,
): { readonly answer: JsonObject; readonly isPlain: boolean } | undefined {
  const read = readBytes(bytes);
  if (!(read?.value instanceof Map)) return undefined;
  const { value: answer, problems } = read;
  if ([...problems].some((problem) => !HARMLESS.includes(problem))) {
    return undefined;
  }
  const names = [...answer.keys()].sort().join();
  const isRight =
    names === "error,ok,request_id,result,server_id,signature,status,ts_ms,v" &&
    answer.get("v") === "mcp/0.1" &&
    Number.isSafeInteger(answer.get("ts_ms")) &&
    answer.get("request_id") === requestId &&
    answer.get("server_id") === SERVER_ID &&
    ["ok", "accepted", "running", "done", "error"]
      .includes(String(answer.get("status"))) &&
    answer.get("ok") === (answer.get("status") !== "error") &&
    answer.get("ok") === (answer.get("error") === null) &&
    answer.get("signature") === answerMac(answer, SECRET);
  return isRight ? { answer, isPlain: problems.size === 0 } : undefined;
}
