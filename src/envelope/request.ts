/**
 * Requests of `mcp/0.1`, as PROTOCOL.md specifies them: from a body to an
 * envelope of the right shape, and the text that its signature covers.
 *
 * Whoever sent it is a stranger yet, so every check ends at the first faults,
 * and the members are looked at by hand: a schema would look at them all.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import { ID } from "../id.ts";
import {
  decodeUtf8,
  isObject,
  parseAnyway,
  parseIJson,
} from "../json/i_json.ts";
import { findForeignNumber } from "../json/numbers.ts";
import { cut } from "../text.ts";
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
  /** Why it is refused, where it is: then `json` is good for its id only. */
  readonly refusal: CountersignError | undefined;
}

/** Parses a body as I-JSON. */
export function parseBody(body: Uint8Array): ParsedBody {
  let text: string;
  try {
    text = decodeUtf8(body);
  } catch (cause) {
    return { text: "", json: undefined, refusal: notJsonError(cause) };
  }
  const parsed = parseIJson(text);
  switch (parsed.kind) {
    case "value":
      return { text, json: parsed.value, refusal: undefined };
    case "flawed": {
      const refusal = malformedError(parsed.flaw.sentence);
      return { text, json: parseAnyway(text, parsed.flaw), refusal };
    }
    case "not JSON":
      return { text, json: undefined, refusal: notJsonError(parsed.cause) };
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
  { json, refusal }: ParsedBody,
): { envelope: RequestEnvelope; signed: string } {
  if (refusal) throw refusal;
  const problems = findProblems(json);
  if (problems.length > 0) {
    throw malformedError(
      `The envelope is not one of ${VERSION}: ${problems.join("; ")}`,
    );
  }
  const envelope = json as RequestEnvelope;
  return { envelope, signed: signedText(envelope) };
}

/**
 * The arguments as they were signed, once the signature has been verified.
 *
 * What was sent may say the same in another order, or with `-0` for 0: a tool
 * sees nothing that the signature does not cover.
 */
export function signedArgs(
  { text }: ParsedBody,
  { args = {}, signature }: RequestEnvelope,
  signed: string,
): Readonly<Record<string, unknown>> {
  // A sender that writes canonical JSON is spared the second reading.
  if (text === withSignature(signed, signature, "tool")) return args;
  const parsed = parseIJson(signed);
  if (parsed.kind !== "value") throw new TypeError("What is signed is I-JSON");
  return (parsed.value as Pick<RequestEnvelope, "args">).args ?? {};
}

/**
 * The refusal of a caller whose signature does not verify, whoever it is.
 *
 * Numbers that are written otherwise than they are signed are what most often
 * leads honest senders astray.
 */
export function unauthenticatedError({ text }: ParsedBody): CountersignError {
  const foreign = findForeignNumber(text);
  const hint = foreign === undefined
    ? ""
    : `; numbers are signed as RFC 8785 writes them, ` +
      `${Number(foreign)} and not ${foreign}`;
  return new CountersignError(
    "unauthenticated",
    `The client is unknown or the signature is wrong${hint}`,
  );
}

/** What a member must be, in words, and whether it is. */
type Rule = readonly [what: string, holds: (value: unknown) => boolean];

const id: Rule = ["1 to 128 of A-Z a-z 0-9 _ . : -", matches(ID)];

const RULES: Readonly<Record<keyof RequestEnvelope, Rule>> = {
  v: [`"${VERSION}"`, (value) => value === VERSION],
  request_id: id,
  ts_ms: [
    "an integer from 0 to 9007199254740991",
    (value) => Number.isSafeInteger(value) && value as number >= 0,
  ],
  client_id: id,
  server_id: id,
  tool: id,
  args: [
    "an object, not an array",
    (value) => value === undefined || isObject(value),
  ],
  nonce: [
    "16 to 128 of A-Z a-z 0-9 _ . : -",
    matches(/^[A-Za-z0-9_.:-]{16,128}$/),
  ],
  signature: ["64 digits of 0-9 a-f", matches(/^[0-9a-f]{64}$/)],
};

const MOST_UNKNOWN = 5;
const LONGEST_NAME = 64;

/** What is wrong with an envelope, member by member; no value is ever quoted. */
function findProblems(json: unknown): string[] {
  if (!isObject(json)) return ["it must be an object"];
  const problems: string[] = [];
  for (const [name, [what, holds]] of Object.entries(RULES)) {
    const value = Object.hasOwn(json, name) ? json[name] : undefined;
    if (holds(value)) continue;
    const found = value === undefined ? "is missing" : `was ${kindOf(value)}`;
    problems.push(`${name} must be ${what} (${found})`);
  }
  let unknown = 0;
  for (const name of Object.keys(json)) {
    if (Object.hasOwn(RULES, name)) continue;
    if (++unknown > MOST_UNKNOWN) break;
    problems.push(`${cut(name, LONGEST_NAME)} must be removed`);
  }
  return problems;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  const kind = typeof value;
  return kind === "object" ? "an object" : `a ${kind}`;
}

function matches(pattern: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === "string" && pattern.test(value);
}

function notJsonError(cause: unknown): CountersignError {
  const options = { cause };
  return new CountersignError(
    "malformed",
    "The body is not JSON in UTF-8",
    options,
  );
}

function malformedError(sentence: string): CountersignError {
  return new CountersignError("malformed", sentence);
}
