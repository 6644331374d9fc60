/** What every refusal has in common, whatever its code. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { HTTP_STATUS, type WireCode } from "../../mod.ts";
import { ERRORS } from "../../src/errors.ts";
import { type Fields, isSignedFor } from "./envelopes.ts";
import { SECRET } from "./parties.ts";

export interface Refusal {
  readonly answer: Fields;
  readonly response: Response;
}

/** Whom a refusal is signed for, and its status where that is not the code's. */
export interface Expected {
  /** The secret of whom it is signed for, or `""` if for nobody. */
  readonly secret?: string;
  readonly status?: number;
}

/** Checks a refusal: status, code, signature, and nothing but the envelope. */
export async function refused(
  code: WireCode,
  answering: Response | Promise<Response>,
  { secret = SECRET, status = HTTP_STATUS[code] }: Expected = {},
): Promise<Refusal> {
  const response = await answering;
  const answer = await response.json();
  assertStringIncludes(String(answer.error), `${code}: `);
  assertEquals(response.status, status);
  assertEquals(
    Object.keys(answer).sort().join(),
    "error,ok,request_id,result,server_id,signature,status,ts_ms,v",
  );
  assertEquals([answer.v, answer.ok, answer.status], [
    "mcp/0.1",
    false,
    "error",
  ]);
  assertEquals(response.headers.get("content-type"), "application/json");
  assertEquals(response.headers.get("cache-control"), "no-store");
  if (secret === "") assertEquals(answer.signature, "");
  else assert(isSignedFor(answer, secret), "The refusal is not signed");
  const { signed } = ERRORS[code];
  assert(signed === "either" || (signed === "yes") === (secret !== ""), signed);
  return { answer, response };
}
