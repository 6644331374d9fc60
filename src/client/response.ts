/**
 * Reads answers, believing only what the server signed.
 *
 * @module
 */

import {
  CountersignError,
  type ErrorCode,
  ERRORS,
  type Issue,
  type WireCode,
} from "../errors.ts";
import { verify } from "../signing/hmac.ts";
import { signedText, VERSION } from "../envelope/signed_text.ts";

/** What an answer must be an answer to. */
export interface Expected {
  readonly requestId: string;
  readonly serverId: string;
  /** Verifies the server's signature. */
  readonly key: CryptoKey;
}

/** An answer: verified, or a refusal from before the server knew whom to sign for. */
export interface ServerResponse {
  readonly signed: boolean;
  /** The server's clock, in Unix milliseconds. */
  readonly ts_ms: number;
  readonly status: "ok" | "accepted" | "running" | "done" | "error";
  readonly result: unknown;
  /** What the server refused or failed with. */
  readonly error: CountersignError | undefined;
}

const MEMBERS = "error,ok,request_id,result,server_id,signature,status,ts_ms,v";

/**
 * Reads an answer.
 *
 * @throws {CountersignError} `unverified_answer`
 */
export async function readResponse(
  response: Response,
  expected: Expected,
): Promise<ServerResponse> {
  const envelope = await parse(response);
  const signed = envelope.signature !== "";
  const { ok, request_id, server_id, status, result, ts_ms } = envelope;
  if (signed) {
    const text = signedText(envelope);
    if (!await verify(expected.key, String(envelope.signature), text)) {
      throw unverified("its signature is wrong");
    }
    if (request_id !== expected.requestId) {
      throw unverified("it answers another request");
    }
    if (server_id !== expected.serverId) {
      throw unverified("it is another server's");
    }
  } else if (ok || !mayBeUnsigned(envelope.error)) {
    throw unverified("it is not signed");
  }
  return {
    signed,
    ts_ms: ts_ms as number,
    status: status as ServerResponse["status"],
    result,
    error: ok ? undefined : errorOf(
      String(envelope.error),
      // Details that anyone can write are no job's last word.
      signed ? result : null,
      response,
    ),
  };
}

/** Whether it is a refusal from before the server has verified who asks. */
function mayBeUnsigned(error: unknown): boolean {
  const code = /^(\w+): /.exec(String(error))?.[1] as WireCode;
  return ["no", "either"].includes(ERRORS[code]?.signed);
}

/** The members of an answer; their types only as far as they are relied on. */
async function parse(response: Response): Promise<Record<string, unknown>> {
  let envelope: unknown;
  try {
    envelope = JSON.parse(await response.text());
  } catch {
    // Some proxy's page, perhaps: told by its status below.
  }
  if (
    typeof envelope === "object" && envelope !== null &&
    Object.keys(envelope).sort().join() === MEMBERS
  ) {
    const answer = envelope as Record<string, unknown>;
    if (
      answer.v === VERSION && Number.isSafeInteger(answer.ts_ms) &&
      answer.ok === (answer.status !== "error") &&
      answer.ok === (answer.error === null)
    ) return answer;
  }
  throw unverified(`HTTP ${response.status} is no envelope of ${VERSION}`);
}

function errorOf(
  text: string,
  result: unknown,
  response: Response,
): CountersignError {
  const [, code = "", message = text] = /^(\w+): (.*)$/s.exec(text) ?? [];
  const { issues, job_id } = (result ?? {}) as {
    issues?: readonly Issue[];
    job_id?: string;
  };
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  return Object.hasOwn(ERRORS, code)
    ? new CountersignError(code as ErrorCode, message, {
      issues,
      jobId: job_id,
      ...seconds >= 0 && { retryAfterMs: seconds * 1000 },
    })
    : new CountersignError("tool_failed", text);
}

function unverified(why: string): CountersignError {
  return new CountersignError(
    "unverified_answer",
    `The answer cannot be trusted: ${why}`,
  );
}
