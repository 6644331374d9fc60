/**
 * HTTP Message Signatures with HMAC-SHA-256, and a `fetch` for MCP clients.
 *
 * {@linkcode signedFetch} lets the official MCP clients talk to a server that
 * takes signed requests only. Below it stand
 * {@link https://www.rfc-editor.org/rfc/rfc9421 | RFC 9421} and the SHA-256 of
 * {@link https://www.rfc-editor.org/rfc/rfc9530 | RFC 9530}, for any other use.
 *
 * Depends on no package, and runs wherever WebCrypto and `fetch` do.
 *
 * @module
 */

export type { Fetch } from "../http/fetch.ts";
export type { Secret } from "../signing/hmac.ts";
export type { TimeWindow } from "../signing/window.ts";
export { contentDigest, matchesDigest } from "./content_digest.ts";
export {
  readSignature,
  sign,
  type SignatureFields,
  type SignatureParams,
  type SignaturePolicy,
  type UnverifiedSignature,
  verify,
} from "./message_signatures.ts";
export {
  type Message,
  type RequestParts,
  type ResponseParts,
  signatureBase,
} from "./signature_base.ts";
export { SignatureError, type SignatureReason } from "./signature_error.ts";
export {
  type SignedFetch,
  signedFetch,
  type SignedFetchOptions,
} from "./signed_fetch.ts";
