/**
 * Requests of `mcp/0.1`, as PROTOCOL.md specifies them: from a body to an
 * envelope of the right shape, and the text that its signature covers.
 *
 * @module
 */

import { CountersignError, type Issue } from "../errors.ts";
import { ID } from "../id.ts";
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

/** A body's text, and what it parses to. */
export interface ParsedBody {
  readonly text: string;
  readonly json: unknown;
}

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
export function parseBody(body: Uint8Array): ParsedBody {
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
  { text, json }: ParsedBody,
): { envelope: RequestEnvelope; signed: string } {
  const checked = check(requestSchema, json);
  if (!checked.ok) throw malformedError(checked.issues);
  const envelope = json as RequestEnvelope;
  const signed = writeSigned(envelope);
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

function writeSigned(envelope: RequestEnvelope): string {
  try {
    return signedText(envelope);
  } catch (cause) {
    throw new CountersignError("malformed", (cause as Error).message, {
      cause,
    });
  }
}

function malformedError(issues: readonly Issue[]): CountersignError {
  return new CountersignError(
    "malformed",
    `The envelope is not one of ${VERSION}: ${sentence(issues)}`,
  );
}
