/**
 * The envelopes of `mcp/0.1`: what a request must look like, and how an answer
 * is written. PROTOCOL.md specifies both.
 *
 * @module
 */

import { CountersignError, type Issue } from "../errors.ts";
import { decodeUtf8, duplicateName } from "../json/i_json.ts";
import { check, jsonObject, sentence, type } from "../tool/schema.ts";
import { signedText, VERSION, withSignature } from "./signed_text.ts";

/** A request that has the right shape; nobody has verified it yet. */
export interface RequestEnvelope {
  readonly v: typeof VERSION;
  readonly request_id: string;
  readonly ts_ms: number;
  readonly client_id: string;
  readonly server_id: string;
  readonly tool: string;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly nonce: string;
  readonly signature: string;
}

/** An answer, less what signing adds. */
export interface ResponseEnvelope {
  readonly request_id: string;
  readonly ts_ms: number;
  readonly ok: boolean;
  readonly server_id: string;
  readonly status: "ok" | "accepted" | "running" | "done" | "error";
  readonly result: unknown;
  readonly error: string | null;
}

/** What ids are made of: 1 to 128 of these. */
export const ID = /^[A-Za-z0-9_.:-]{1,128}$/;

const requestSchema = type({
  v: `'${VERSION}'`,
  request_id: ID,
  ts_ms: "0 <= number.integer <= 9007199254740991",
  client_id: ID,
  server_id: ID,
  tool: ID,
  "args?": jsonObject,
  nonce: /^[A-Za-z0-9_.:-]{16,128}$/,
  signature: /^[0-9a-f]{64}$/,
});

/**
 * Parses a body as JSON.
 *
 * @throws {CountersignError} `malformed`
 */
export function parseBody(body: Uint8Array): { text: string; json: unknown } {
  try {
    const text = decodeUtf8(body);
    return { text, json: JSON.parse(text) };
  } catch (cause) {
    throw new CountersignError(
      "malformed",
      "The body is not JSON in UTF-8",
      { cause },
    );
  }
}

/** The request id that an answer may repeat; empty where there is no valid one. */
export function requestIdOf(json: unknown): string {
  const id = (json as { request_id?: unknown } | null)?.request_id;
  return typeof id === "string" && ID.test(id) ? id : "";
}

/**
 * Checks a request's shape and finds the text that its signature covers.
 *
 * @throws {CountersignError} `malformed`
 */
export function decodeRequest(
  { text, json }: { text: string; json: unknown },
): { envelope: RequestEnvelope; signed: string } {
  const checked = check(requestSchema, json);
  if (!checked.ok) throw malformed(checked.issues);
  const envelope = json as RequestEnvelope;
  const signed = canonical(envelope);
  // A sender that writes canonical JSON cannot have named a member twice; the
  // slow search is for the others.
  if (text !== withSignature(signed, envelope.signature, "tool")) {
    const name = duplicateName(text);
    if (name !== undefined) {
      throw new CountersignError(
        "malformed",
        `The body names "${name.slice(0, 64)}" twice in one object`,
      );
    }
  }
  return { envelope, signed };
}

/** Signs an answer's text; "" where nobody has been verified to answer to. */
export type SignAnswer = (text: string) => string | Promise<string>;

/**
 * Writes an answer.
 *
 * @throws {CountersignError} `tool_failed` if its result is not JSON, or
 * `result_too_large` if the text would be longer than `limit`.
 */
export async function encodeResponse(
  answer: ResponseEnvelope,
  sign: SignAnswer,
  limit: number,
): Promise<string> {
  const text = canonicalResponse(answer);
  if (text.length > limit) {
    throw new CountersignError(
      "result_too_large",
      `The answer would have ${text.length} characters, more than ${limit}`,
    );
  }
  return withSignature(text, await sign(text), "status");
}

function canonicalResponse(answer: ResponseEnvelope): string {
  const { error, ok, request_id, result, server_id, status, ts_ms } = answer;
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
    const message = "The tool's result is not JSON";
    throw new CountersignError("tool_failed", message, { cause });
  }
}

function canonical(envelope: RequestEnvelope): string {
  try {
    return signedText(envelope);
  } catch (cause) {
    throw new CountersignError("malformed", (cause as Error).message, {
      cause,
    });
  }
}

function malformed(issues: readonly Issue[]): CountersignError {
  return new CountersignError(
    "malformed",
    `The envelope is not one of ${VERSION}: ${sentence(issues)}`,
  );
}
