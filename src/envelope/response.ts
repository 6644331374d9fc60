/**
 * Responses of `mcp/0.1`: from outcomes and errors to envelopes, and from those
 * to HTTP. The one place that translates, and the one that writes.
 *
 * @module
 */

import type { Outcome } from "../call/call.ts";
import { CountersignError, type Issue } from "../errors.ts";
import { refusalHeaders } from "../http/refusal_headers.ts";
import { sayNotJson } from "../json/not_json.ts";
import { cut } from "../text.ts";
import { sign } from "../signing/hmac.ts";
import type { KeyHolder } from "../signing/keyring.ts";
import {
  RESPONSE_INFO,
  signedText,
  VERSION,
  withSignature,
} from "./signed_text.ts";

/** A response, less what signing adds. */
export interface ResponseEnvelope {
  readonly request_id: string;
  readonly ts_ms: number;
  readonly ok: boolean;
  readonly server_id: string;
  readonly status: "ok" | "accepted" | "running" | "done" | "error";
  readonly result: unknown;
  readonly error: string | null;
}

/** What of a response the outcome decides. */
export interface Reply extends Pick<ResponseEnvelope, "status" | "result"> {
  readonly httpStatus: number;
  readonly error: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Whom a response is for, as far as the request has been read. */
export interface Addressee {
  /** Empty until the request's id is known. */
  readonly requestId: string;
  /** Verifies the response; without, it goes unsigned. */
  readonly caller?: KeyHolder;
}

/** Who responds. */
export interface Responder {
  readonly serverId: string;
  /** Largest result, in bytes of JSON. */
  readonly maxValueBytes: number;
  /** Current time, in Unix milliseconds. */
  readonly now: () => number;
}

/** Nobody whose request could be read. */
export const NOBODY: Addressee = { requestId: "" };

/** Who responds where no server is configured. */
export const UNCONFIGURED: Responder = {
  serverId: "",
  maxValueBytes: 0,
  now: Date.now,
};

/** Writes an outcome in the envelope protocol's words. */
export function toReply(outcome: Outcome): Reply {
  switch (outcome.kind) {
    case "ok":
    case "done": {
      const { kind: status, result } = outcome;
      return { httpStatus: 200, status, result, error: null };
    }
    case "accepted": {
      const { job, pollAfterMs } = outcome;
      const result = { job_id: job.id, poll_after_ms: pollAfterMs };
      return { httpStatus: 202, status: "accepted", result, error: null };
    }
    case "running": {
      const { progress, questions } = outcome.job;
      const { fraction, message } = progress ?? {};
      const result = { progress: fraction, message, questions };
      return { httpStatus: 200, status: "running", result, error: null };
    }
    case "ended": // the poll went well; what it found did not
      return { ...toRefusal(outcome.error), httpStatus: 200 };
  }
}

/** Writes an error: its code and sentence, and nothing of its cause. */
export function toRefusal(thrown: unknown): Reply {
  const error = toError(thrown);
  const { code, message, status, issues, jobId } = error;
  const details = {
    ...issues.length > 0 && { issues: issues.map(toIssue) },
    ...jobId !== undefined && { job_id: jobId },
  };
  return {
    httpStatus: status,
    status: "error",
    result: Object.keys(details).length > 0 ? details : null,
    error: `${code}: ${message}`,
    headers: {
      ...refusalHeaders(error),
      // RFC 9110 sections 15.5.6 and 15.5.2
      ...code === "method_not_allowed" && { allow: "POST" },
      ...status === 401 && { "www-authenticate": "Countersign" },
    },
  };
}

const LONGEST_ISSUE = 500;
const LONGEST_STEP = 128;

/** An issue as it is sent, whoever wrote it. */
function toIssue({ path, message }: Issue): Issue {
  return {
    path: path.map((step) =>
      Number.isFinite(step) ? step : cut(String(step), LONGEST_STEP)
    ),
    message: cut(String(message), LONGEST_ISSUE),
  };
}

/** Any error as one that may be answered: a stranger's message stays here. */
export function toError(thrown: unknown): CountersignError {
  if (thrown instanceof CountersignError) return thrown;
  return new CountersignError(
    "unavailable",
    "The server failed; its log says why",
    { cause: thrown },
  );
}

/** Room for an envelope around a result of the largest size, in characters. */
const ENVELOPE_ROOM = 8192;

const HEADERS = {
  "content-type": "application/json",
  "cache-control": "no-store",
};

/**
 * Writes a response; one that cannot be written becomes a refusal that says so.
 *
 * @param report Takes what kept it from being written.
 */
export async function writeResponse(
  reply: Reply,
  to: Addressee,
  from: Responder,
  report: (error: CountersignError) => void,
): Promise<Response> {
  let text: string;
  try {
    text = await encodeResponse(reply, to, from);
  } catch (thrown) {
    const error = toError(thrown);
    report(error);
    reply = toRefusal(error);
    text = await encodeResponse(reply, to, from);
  }
  const { httpStatus: status, headers } = reply;
  return new Response(text, { status, headers: { ...HEADERS, ...headers } });
}

/** The refusal that is left where no other can be written: it is constant. */
export function writeLastResort(): Response {
  const text = `{"error":"unavailable: The server failed; its log says why",` +
    `"ok":false,"request_id":"","result":null,"server_id":"","signature":"",` +
    `"status":"error","ts_ms":${Date.now()},"v":"${VERSION}"}`;
  return new Response(text, { status: 503, headers: HEADERS });
}

/**
 * Writes and signs an envelope.
 *
 * @throws {CountersignError} `tool_failed` if its result is not JSON, or
 * `result_too_large` if the text would be too long.
 */
async function encodeResponse(
  reply: Reply,
  { requestId, caller }: Addressee,
  { serverId, maxValueBytes, now }: Responder,
): Promise<string> {
  const text = canonicalResponse({
    request_id: requestId,
    ts_ms: now(),
    ok: reply.error === null,
    server_id: serverId,
    status: reply.status,
    result: reply.result,
    error: reply.error,
  });
  const limit = maxValueBytes + ENVELOPE_ROOM;
  if (text.length > limit) {
    throw new CountersignError(
      "result_too_large",
      `The answer would have ${text.length} characters, more than ${limit}`,
    );
  }
  const signature = caller
    ? await sign(await caller.key(RESPONSE_INFO), text)
    : "";
  return withSignature(text, signature, "status");
}

function canonicalResponse(response: ResponseEnvelope): string {
  const { error, ok, request_id, result, server_id, status, ts_ms } = response;
  try {
    // Named in canonical order, which spares the sort.
    return signedText({
      error,
      ok,
      request_id,
      result,
      server_id,
      status,
      ts_ms,
      v: VERSION,
    });
  } catch (cause) {
    const message = sayNotJson(result, "The tool's result");
    throw new CountersignError("tool_failed", message, { cause });
  }
}
