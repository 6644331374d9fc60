/** Answers to the client: forged, altered, malformed, huge, broken off. */
import { createClient } from "../../src/client/mod.ts";
import { CountersignError, HTTP_STATUS } from "../../src/errors.ts";
import {
  CLIENT_ID,
  OTHER_SECRET,
  SECRET,
  SERVER_ID,
} from "../support/parties.ts";
import {
  type AnswerDraft,
  answerDrafts,
  goodAnswerOf,
  writeAnswer,
} from "./client_draft.ts";
import { NOW } from "./observed_server.ts";
import type { Kind } from "./run.ts";
import {
  canonicalOf,
  exactOf,
  exactOfJs,
  type JsonObject,
  readText,
} from "./strict_json.ts";
import { brief, must } from "./violation.ts";

/** Codes of a refusal that a server gives before it knows who asks. */
const UNSIGNED = [
  "method_not_allowed",
  "not_found",
  "unsupported_media_type",
  "payload_too_large",
  "malformed",
  "wrong_server",
  "unauthenticated",
  "unavailable",
  "not_configured",
  "unverified_answer",
  "unreachable",
];
const LONGEST_MESSAGE = 20_000;

export const client: Kind<AnswerDraft> = {
  name: "client",
  weight: 2,
  cases: answerDrafts,
  open: () =>
    Promise.resolve({
      check: checkClient,
      close: () => Promise.resolve(),
    }),
};

async function checkClient(draft: AnswerDraft): Promise<void> {
  let bytes: Uint8Array<ArrayBuffer> = new Uint8Array();
  let requestId = "";
  const { call, start } = createClient({
    url: "http://localhost/",
    clientId: CLIENT_ID,
    secret: SECRET,
    serverId: SERVER_ID,
    retries: 0,
    now: () => NOW,
    fetch: async (request) => {
      const sent = readText(await request.text())?.value;
      if (sent instanceof Map) requestId = String(sent.get("request_id"));
      bytes = writeAnswer(draft, requestId);
      return responseOf(draft, bytes);
    },
  });
  const calling: Promise<unknown> = draft.method === "start"
    ? start("keep", {}).then(readHandle)
    : call("take", {});
  const got = await calling.then((value) => ({ value }), (error) => error);
  const read = goodAnswerOf(bytes, requestId);
  if (got instanceof Error) return checkError(got, draft, read);
  must(
    read !== undefined && isSuccess(read.answer, draft.method),
    "a refused answer is never believed",
    () => `a client believed: ${brief(new TextDecoder().decode(bytes))}`,
  );
  if (draft.method === "start") return;
  const { value } = got as { value: unknown };
  const signed = exactOf(read?.answer.get("result") ?? null, true);
  must(
    exactOfJs(value) === signed,
    "a tool gets what was signed",
    () => `a client got another value: ${brief(value)} for ${brief(signed)}`,
  );
}

/** A start may be answered with a job's end at once: then it has a handle, too. */
function isSuccess(answer: JsonObject, method: AnswerDraft["method"]): boolean {
  if (answer.get("ok") === true) return true;
  const result = answer.get("result");
  return method === "start" && result instanceof Map && result.has("job_id") &&
    /^(tool_failed|result_too_large|job_cancelled): /
      .test(String(answer.get("error")));
}

/** A handle must never have an end that nobody signed. */
function readHandle(handle: { readonly id?: unknown }): unknown {
  return handle.id;
}

function checkError(
  error: Error,
  draft: AnswerDraft,
  read: ReturnType<typeof goodAnswerOf>,
): void {
  must(
    error instanceof CountersignError,
    "an error is of the documented kind",
    () => `a client rejects with a ${error.name}: ${error.message}`,
  );
  const { code, message, issues, jobId } = error;
  must(
    Object.hasOwn(HTTP_STATUS, code) || UNSIGNED.includes(code),
    "an error is of the documented kind",
    () => `a code of no table: ${code}`,
  );
  must(
    message.isWellFormed(),
    "texts are well formed",
    () => `in a client's error: ${brief(message)}`,
  );
  must(
    message.length <= LONGEST_MESSAGE,
    "texts are bounded",
    () => `in a client's error: ${message.length} characters`,
  );
  for (const secret of [SECRET, OTHER_SECRET]) {
    must(
      !Deno.inspect(error).includes(secret),
      "no secret is told",
      () => `in a client's error: ${brief(Deno.inspect(error))}`,
    );
  }
  must(
    Array.isArray(issues) && issues.every(isIssue),
    "an error is of the documented kind",
    () => `issues are none: ${brief(issues)}`,
  );
  must(
    jobId === undefined || typeof jobId === "string",
    "an error is of the documented kind",
    () => `jobId is none: ${brief(jobId)}`,
  );
  if (read === undefined) {
    must(
      UNSIGNED.includes(code) && issues.length === 0 && jobId === undefined,
      "a refused answer is never believed",
      () => `${code} of an unsigned answer: ${brief([issues, jobId])}`,
    );
    must(
      code !== "unreachable" || draft.breaksAt !== undefined,
      "an error is of the documented kind",
      () => `unreachable, though an answer came: ${message}`,
    );
    return;
  }
  const { answer, isPlain } = read;
  const isGood = isPlain && draft.breaksAt === undefined &&
    answer.get("ok") === true && draft.method === "call";
  must(
    !isGood,
    "a good answer is believed",
    () => {
      const text = canonicalOf(answer);
      const names = /"\\(u....|.)":/.test(text) ? ", short names escaped" : "";
      return `${code}${names}: ${brief(text)}: ${message}`;
    },
  );
}

function isIssue(issue: unknown): boolean {
  const { path, message } = (issue ?? {}) as Record<string, unknown>;
  return Array.isArray(path) && typeof message === "string";
}

function responseOf(
  { http, retryAfter, pieces, breaksAt }: AnswerDraft,
  bytes: Uint8Array<ArrayBuffer>,
): Response {
  const headers = new Headers({ "content-type": "application/json" });
  if (retryAfter !== undefined) headers.set("retry-after", retryAfter);
  if (pieces === 0) {
    return new Response(bytes.slice(), { status: http, headers });
  }
  const size = Math.max(1, Math.ceil(bytes.length / pieces));
  const end = Math.floor(bytes.length * (breaksAt ?? 1000) / 1000);
  let at = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (at < end) {
        const from = at;
        at = Math.min(end, at + size);
        return controller.enqueue(bytes.slice(from, at));
      }
      if (breaksAt === undefined) controller.close();
      else controller.error(new Error("the connection broke"));
    },
  });
  return new Response(body, { status: http, headers });
}
