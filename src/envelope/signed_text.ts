/**
 * What an envelope's signature covers: the canonical JSON of the envelope
 * without its `signature`.
 *
 * @module
 */

import { canonicalJson } from "../json/canonical_json.ts";

/** The version of the envelope protocol. */
export const VERSION = "mcp/0.1";

/** HKDF `info` of the key that answers are signed with. */
export const RESPONSE_INFO = "mcp/0.1 response";

/**
 * The text that an envelope's signature covers.
 *
 * @throws {TypeError} If the envelope has no canonical form.
 */
export function signedText(envelope: object): string {
  return canonicalJson({ ...envelope, signature: undefined });
}

/**
 * Puts a signature into the text that it covers, where RFC 8785 sorts it: the
 * result is the canonical JSON of the whole envelope, for the price of a copy.
 *
 * @param next The member that follows `signature`: `tool` in a request,
 * `status` in a response. No member after it can hold a quotation mark, so its
 * last occurrence is the envelope's own.
 */
export function withSignature(
  text: string,
  signature: string,
  next: "tool" | "status",
): string {
  const at = text.lastIndexOf(`"${next}":"`);
  return `${text.slice(0, at)}"signature":"${signature}",${text.slice(at)}`;
}
