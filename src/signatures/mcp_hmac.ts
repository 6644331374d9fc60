/**
 * The profile `mcp-hmac-v2` of RFC 9421: what the signatures of an MCP client
 * and of its server cover, and with which keys.
 *
 * Both keys are derived from the secret that client and server share, with
 * HKDF-SHA-256: the tag and the server's id are its `info`. So no request can be
 * reflected as an answer, or sent to another server that has the same clients.
 *
 * @module
 */

import type { SignatureParams, SignaturePolicy } from "./message_signatures.ts";

/** Tag of a request's signature. */
export const REQUEST_TAG = "mcp-hmac-req-v2";
/** Tag of an answer's signature. */
export const RESPONSE_TAG = "mcp-hmac-res-v2";

/** HKDF `info` of the key that signatures with a tag are made with; no id holds a space. */
export function keyInfo(tag: string, serverId: string): string {
  return `${tag} ${serverId}`;
}

/** How far clocks may be apart, in seconds. */
export const SKEW = 30;
const LIFETIME = 60;
const MAX_LIFETIME = 300;

/**
 * What a request's signature must cover: six components, and every `mcp-*`
 * field that the request has. None can be added or taken away on the way.
 *
 * `@authority` and not `@target-uri`: behind a proxy that ends TLS the scheme
 * is another.
 */
export function requestComponents(headers: Headers): string[] {
  return [
    "@method",
    "@authority",
    "@path",
    "@query",
    "content-type",
    "content-digest",
    ...fieldNames(headers, /^mcp-/),
    ...fieldNames(headers, /^authorization$/),
  ];
}

/** The fields of an answer that its signature must cover; no others are believed. */
export function responseFields(headers: Headers): string[] {
  return fieldNames(headers, /^(content-(type|digest)|retry-after|mcp-.*)$/);
}

/** What an answer's signature must cover: itself, and all that the request's did. */
export function responseComponents(
  headers: Headers,
  ofRequest: readonly string[],
): string[] {
  return [
    "@status",
    ...responseFields(headers),
    ...ofRequest.map((component) => `${component};req`),
  ];
}

/** The parameters of a signature made now. */
export function freshParams(
  tag: string,
  keyid: string,
  nonce: string,
  now: number,
): SignatureParams & { readonly nonce: string } {
  const created = Math.floor(now / 1000);
  const expires = created + LIFETIME;
  return { created, expires, nonce, keyid, alg: "hmac-sha256", tag };
}

/** What a signature must be to be verified now. */
export function policyOf(
  tag: string,
  components: readonly string[],
  now: number,
): SignaturePolicy {
  return {
    tag,
    components,
    params: ["expires", "nonce", "alg"],
    maxAge: MAX_LIFETIME,
    skew: SKEW,
    nowSeconds: now / 1000, // to the millisecond, as nonces are remembered
  };
}

/** Whether the content is a stream of events, which has no digest. */
export function isEventStream(headers: Headers): boolean {
  return /^text\/event-stream *(;|$)/i.test(headers.get("content-type") ?? "");
}

/** Names of fields, sorted: that is how `Headers` keeps them. */
function fieldNames(headers: Headers, wanted: RegExp): string[] {
  return [...headers.keys()].filter((name) => wanted.test(name));
}
