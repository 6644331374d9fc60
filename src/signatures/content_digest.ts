/**
 * `Content-Digest`, {@link https://www.rfc-editor.org/rfc/rfc9530 | RFC 9530},
 * with SHA-256.
 *
 * A signature that covers the field says nothing about the content until the
 * digest has been recomputed (RFC 9421 section 7.2.8).
 *
 * @module
 */

import { toBase64 } from "../base64.ts";
import { parseBytes, parseDictionary } from "./structured_fields.ts";

/**
 * Computes the `Content-Digest` of some content.
 *
 * @example Digest a body
 * ```ts
 * import { contentDigest } from "@countersign/mcp/signatures";
 *
 * console.log(await contentDigest(new TextEncoder().encode("hi")));
 * // sha-256=:j0NDRmSPa5bfid2pAcUXaxCm2Dlh3TwayItZstwyeqQ=:
 * ```
 */
export async function contentDigest(
  content: Uint8Array,
): Promise<string> {
  const hash = await crypto.subtle.digest(
    "SHA-256",
    content as Uint8Array<ArrayBuffer>,
  );
  return `sha-256=:${toBase64(hash)}:`;
}

/**
 * Whether a `Content-Digest` holds the SHA-256 of some content.
 *
 * Other algorithms beside it are ignored (section 2). Digests are public, so
 * the comparison need not take constant time.
 *
 * @throws {SyntaxError} If the field cannot be read.
 */
export async function matchesDigest(
  field: string,
  content: Uint8Array,
): Promise<boolean> {
  const claimed = parseDictionary(field).get("sha-256");
  if (claimed !== undefined) parseBytes(claimed); // refuses what is no digest
  return `sha-256=${claimed}` === await contentDigest(content);
}
