/**
 * Reads responses, believing only what the server signed.
 *
 * @module
 */

import {
  CountersignError,
  ERRORS,
  type Issue,
  type WireCode,
} from "../errors.ts";
import { signedText, VERSION, withSignature } from "../envelope/signed_text.ts";
import { readBounded, type ReadLimits } from "../http/bounded.ts";
import { decodeUtf8 } from "../json/i_json.ts";
import { verify } from "../signing/hmac.ts";

/** What a response must be a response to. */
export interface Expected {
  readonly requestId: string;
  readonly serverId: string;
  /** Verifies the server's signature. */
  readonly key: CryptoKey;
}

/** A response that the server signed. */
export interface ServerResponse {
  /** The server's clock, in Unix milliseconds. */
  readonly ts_ms: number;
  readonly status: "ok" | "accepted" | "running" | "done" | "error";
  readonly result: unknown;
  readonly signature: string;
  /** What the server refused or failed with. */
  readonly error: CountersignError | undefined;
}

const MEMBERS = "error,ok,request_id,result,server_id,signature,status,ts_ms,v";
const STATUSES = ["ok", "accepted", "running", "done", "error"];
/** The longest sentence that is taken of nobody, in UTF-16 units. */
const LONGEST_UNSIGNED = 500;
/** A day; the header is not signed. */
const LONGEST_RETRY_AFTER_MS = 86_400_000;

/** The members of a response, once their types are known. */
interface Envelope extends Omit<ServerResponse, "error"> {
  readonly request_id: unknown;
  readonly server_id: unknown;
  readonly error: string | null;
}

/**
 * Reads a response.
 *
 * @throws {CountersignError} `unverified_answer`, or an unsigned refusal from
 * before the server knew whom to sign for.
 */
export async function readResponse(
  response: Response,
  { requestId, serverId, key }: Expected,
  limits: ReadLimits = { limit: Infinity },
): Promise<ServerResponse> {
  const read = await readBounded(response.body, limits);
  if (read.kind === "broken") throw read.cause;
  if (read.kind !== "read") {
    throw unverifiedError(`it has more than ${limits.limit} bytes`);
  }
  const { envelope, signed, isCanonical } = parse(read.bytes, response.status);
  const { signature, request_id, server_id } = envelope;
  if (!signature) throw readUnsigned(envelope, response);
  if (!await verify(key, signature, signed)) {
    throw unverifiedError("its signature is wrong");
  }
  if (request_id !== requestId) {
    throw unverifiedError("it answers another request");
  }
  if (server_id !== serverId) {
    throw unverifiedError("it is another server's");
  }
  const { result } = envelope;
  const believed = {
    ...envelope,
    result: isCanonical ? result : toSignedForm(result),
  };
  return { ...believed, error: readError(believed, response) };
}

/** The error for a response that proves nothing. */
export function unverifiedError(
  why: string,
  options?: ErrorOptions,
): CountersignError {
  return new CountersignError(
    "unverified_answer",
    `The answer cannot be trusted: ${why}`,
    options,
  );
}

/**
 * Reads what a server says about itself or a job: an object whose members have
 * types by name, several separated by `|`.
 *
 * @throws {CountersignError} `unverified_answer` where it is something else.
 */
export function checkMembers(
  value: unknown,
  types: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const members = (value ?? {}) as Record<string, unknown>;
  for (const [name, expected] of Object.entries(types)) {
    const member = members[name];
    const type = Array.isArray(member) ? "array" : typeof member;
    if (!expected.split("|").includes(type)) {
      throw unverifiedError(`its "${name}" is ${type}, not ${expected}`);
    }
  }
  return members;
}

/** Finds an envelope, and what its signature must cover. */
function parse(
  bytes: Uint8Array,
  status: number,
): { envelope: Envelope; signed: string; isCanonical: boolean } {
  let cause: unknown;
  try {
    const text = decodeUtf8(bytes);
    const envelope: unknown = JSON.parse(text);
    if (isEnvelope(envelope)) {
      const signed = signedText(envelope);
      const canonical = withSignature(signed, envelope.signature, "status");
      const isCanonical = text === canonical;
      if (isCanonical || countNames(text) === countNames(canonical)) {
        return { envelope, signed, isCanonical };
      }
    }
  } catch (thrown) {
    cause = thrown; // some proxy's page, perhaps: told by its status
  }
  throw unverifiedError(`HTTP ${status} is no envelope of ${VERSION}`, {
    cause,
  });
}

function isEnvelope(value: unknown): value is Envelope {
  if (
    typeof value !== "object" || value === null ||
    Object.keys(value).sort().join() !== MEMBERS
  ) return false;
  const { v, ts_ms, ok, status, error, signature } = value as Record<
    string,
    unknown
  >;
  return v === VERSION && Number.isSafeInteger(ts_ms) &&
    STATUSES.includes(status as string) && ok === (status !== "error") &&
    (ok ? error === null : typeof error === "string") &&
    typeof signature === "string";
}

/** How many names a JSON text has: fewer once parsed, if an object has one twice. */
function countNames(text: string): number {
  let count = 0;
  let within = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') within = !within;
    else if (within) at += Number(character === "\\");
    else count += Number(character === ":");
  }
  return count;
}

/**
 * A value as its canonical form says it, which is what was signed: members in
 * order, and no -0. Not parsed again: V8 does not read a text alike each time.
 */
function toSignedForm(value: unknown): unknown {
  if (typeof value === "number") return value + 0;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(toSignedForm);
  const members = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return Object.fromEntries(
    members.map(([name, member]) => [name, toSignedForm(member)]),
  );
}

/** Takes code and sentence, and no more, of what anyone may have written. */
function readUnsigned(
  { error }: Envelope,
  response: Response,
): CountersignError {
  const text = String(error).slice(0, LONGEST_UNSIGNED).toWellFormed();
  const { code, message } = splitError(text);
  return code && ERRORS[code].signed !== "yes"
    ? new CountersignError(code, message, readRetryAfter(response))
    : unverifiedError("it is not signed");
}

function readError(
  { error, result }: Envelope,
  response: Response,
): CountersignError | undefined {
  if (error === null) return undefined;
  const { issues = [], job_id } = checkMembers(result ?? {}, {
    issues: "array|undefined",
    job_id: "string|undefined",
  }) as { issues?: Issue[]; job_id?: string };
  for (const issue of issues) {
    checkMembers(issue, { path: "array", message: "string" });
  }
  const { code, message } = splitError(error);
  return new CountersignError(code ?? "tool_failed", message, {
    issues,
    // What has no code of ours is no job's last word.
    jobId: code && job_id,
    signed: true,
    ...readRetryAfter(response),
  });
}

function splitError(text: string): { code?: WireCode; message: string } {
  const [, code = "", message = ""] = /^(\w+): (.*)$/s.exec(text) ?? [];
  return Object.hasOwn(ERRORS, code)
    ? { code: code as WireCode, message }
    : { message: text };
}

function readRetryAfter({ headers }: Response): { retryAfterMs?: number } {
  const ms = 1000 * Number(headers.get("retry-after") ?? NaN);
  return ms >= 0 ? { retryAfterMs: Math.min(ms, LONGEST_RETRY_AFTER_MS) } : {};
}
