/**
 * `requestState`: what a caller carries from one round of a call to the next,
 * because the server keeps nothing (basic/patterns, "Multi round-trip requests").
 *
 * It holds the answers of earlier rounds. The MAC binds it to the caller, the
 * tool and the arguments, none of which it names; it is not a secret.
 *
 * @module
 */

import { isObject } from "../../json/i_json.ts";
import { canonicalJson } from "../../json/canonical_json.ts";
import { parseJson } from "../../json/parse_json.ts";
import { sign, verify } from "../../signing/hmac.ts";
import { invalidParams } from "../json_rpc.ts";

/** What a state is bound to. */
export interface StateBinding {
  readonly key: CryptoKey;
  readonly clientId: string;
  readonly name: string;
  readonly args: unknown;
  /** Unix milliseconds. */
  readonly now: number;
}

/** Answers by the name of their question. */
export type Answers = Readonly<Record<string, unknown>>;

/** How long a person may take over an answer. */
const LIFETIME_MS = 3_600_000;

/** Writes a state. */
export async function writeState(
  answers: Answers,
  bound: StateBinding,
): Promise<string> {
  const state = { until: bound.now + LIFETIME_MS, answers };
  const payload = btoa(encodeURIComponent(JSON.stringify(state)));
  return `${payload}.${await sign(bound.key, macText(payload, bound))}`;
}

/**
 * Reads a state.
 *
 * @throws {RpcError} -32602 if this caller was given none for this call, or too long ago.
 */
export async function readState(
  state: unknown,
  bound: StateBinding,
): Promise<Answers> {
  if (typeof state !== "string") throw stateError("is not a string");
  const [payload, mac = ""] = state.split(".");
  if (!await verify(bound.key, mac, macText(payload, bound))) {
    throw stateError("was not given to you for this call");
  }
  const { until, answers } = parseJson(
    decodeURIComponent(atob(payload)),
  ) as { until: number; answers: unknown };
  if (until < bound.now) throw stateError("has expired; call the tool anew");
  return isObject(answers) ? answers : {};
}

/** No part but the last has a line feed: the text is unambiguous. */
function macText(
  payload: string,
  { clientId, name, args }: StateBinding,
): string {
  try {
    const canonical = canonicalJson(args);
    return `tools/call\n${clientId}\n${name}\n${payload}\n${canonical}`;
  } catch (cause) {
    throw invalidParams((cause as Error).message, { cause });
  }
}

function stateError(why: string) {
  return invalidParams(`The requestState ${why}`);
}
