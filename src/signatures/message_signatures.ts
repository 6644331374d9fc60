/**
 * HTTP Message Signatures,
 * {@link https://www.rfc-editor.org/rfc/rfc9421 | RFC 9421}, with HMAC-SHA-256.
 *
 * Does not compute digests and remembers no nonces: who verifies a signature
 * that covers `content-digest` must recompute it, and spend the nonce.
 *
 * @module
 */

import { toBase64 } from "../base64.ts";
import { isOpen, type TimeWindow, windowOf } from "../signing/window.ts";
import { identifier, type Message, signatureBase } from "./signature_base.ts";
import { SignatureError } from "./signature_error.ts";
import {
  parseBareItem,
  parseBytes,
  parseDictionary,
  parseInnerList,
  serialize,
} from "./structured_fields.ts";

/** Parameters of a signature, section 2.3; signed in the order they are given. */
export interface SignatureParams {
  /** When it was made, in Unix seconds. */
  readonly created: number;
  /** When it ends, in Unix seconds. */
  readonly expires?: number;
  /** Unique for the key; what replay protection remembers. */
  readonly nonce?: string;
  /** Which key signed. */
  readonly keyid: string;
  /** The algorithm, section 3.3.3; there is but this one. */
  readonly alg?: "hmac-sha256";
  /** The application that the signature is meant for. */
  readonly tag?: string;
}

/** What a signature must be before its bytes are looked at. */
export interface SignaturePolicy {
  /** The tag that exactly one signature must have; `undefined` if it has none. */
  readonly tag: string | undefined;
  /** Components that it must cover. There is no default: name them. */
  readonly components: readonly string[];
  /** Parameters that it must have beside `created` and `keyid`. */
  readonly params: readonly (keyof SignatureParams)[];
  /** Longest life, in seconds: from `created` to `expires`, or to its end without one. */
  readonly maxAge: number;
  /** How far the signer's clock may be off, in seconds. */
  readonly skew: number;
  /** Current time, in Unix seconds. */
  readonly nowSeconds: number;
}

/** A signature that satisfies a policy, and is still to be verified. */
export interface UnverifiedSignature {
  /** What it covers, in order. */
  readonly components: readonly string[];
  /** Its parameters. */
  readonly params: SignatureParams;
  /** The MAC that the sender claims. */
  readonly mac: Uint8Array<ArrayBuffer>;
  /** The bytes that the MAC is of. */
  readonly base: Uint8Array<ArrayBuffer>;
  /** When it may be accepted, in Unix seconds: remember its nonce beyond that. */
  readonly window: TimeWindow;
}

/** The two fields that carry a signature. */
export type SignatureFields = Readonly<
  Record<"signature-input" | "signature", string>
>;

/**
 * Signs a message.
 *
 * @param components What to cover: `["@method", "content-digest"]`, and in a
 * response `"@method;req"`.
 * @throws {TypeError} If a component repeats or is absent, or a parameter has
 * no form in the field.
 *
 * @example Sign, then verify
 * ```ts
 * import { sign, verify } from "@countersign/mcp/signatures";
 *
 * const secret = crypto.getRandomValues(new Uint8Array(32));
 * const hmac = { name: "HMAC", hash: "SHA-256" };
 * const key = await crypto.subtle.importKey("raw", secret, hmac, false, ["sign", "verify"]);
 * const nowSeconds = Math.floor(Date.now() / 1000);
 * const request = new Request("https://example.com/orders", { method: "POST" });
 * const components = ["@method", "@authority", "@path"];
 * const params = { created: nowSeconds, keyid: "client-001", tag: "orders" };
 * const fields = await sign({ request }, key, components, params);
 * for (const [name, value] of Object.entries(fields)) {
 *   request.headers.set(name, value);
 * }
 *
 * const policy = { tag: "orders", components, params: [], maxAge: 60, skew: 5, nowSeconds };
 * const { keyid } = (await verify({ request }, () => key, policy)).params;
 * console.log(keyid); // client-001
 * ```
 */
export async function sign(
  message: Message,
  key: CryptoKey,
  components: readonly string[],
  params: SignatureParams,
  label = "sig",
): Promise<SignatureFields> {
  const input = `(${components.map(identifier).join(" ")})` +
    Object.entries(params)
      .map(([name, value]) => `;${name}=${serialize(value)}`).join("");
  const base = signatureBase(message, components, input);
  const mac = await crypto.subtle.sign("HMAC", key, base);
  return {
    "signature-input": `${label}=${input}`,
    signature: `${label}=:${toBase64(mac)}:`,
  };
}

/**
 * Verifies the one signature of a message that a policy asks for.
 *
 * @param keyOf The key of a `keyid`, if there is one.
 * @throws {SignatureError} If it is missing, unacceptable or wrong; an unknown
 * key reads like a wrong MAC.
 */
export async function verify(
  message: Message,
  keyOf: (keyid: string) => CryptoKey | undefined,
  policy: SignaturePolicy,
): Promise<UnverifiedSignature> {
  const signature = readSignature(message, policy);
  const { params, mac, base } = signature;
  const key = keyOf(params.keyid);
  if (!key || !await crypto.subtle.verify("HMAC", key, mac, base)) {
    throw new SignatureError("bad_signature");
  }
  return signature;
}

/**
 * Reads the one signature of a message that a policy asks for; verifies nothing.
 *
 * @throws {SignatureError} If it is missing or unacceptable.
 * @throws {TypeError} If the policy has no time.
 */
export function readSignature(
  message: Message,
  policy: SignaturePolicy,
): UnverifiedSignature {
  if (!Number.isFinite(policy.nowSeconds)) {
    // Named `now` in 0.1; no time compares with what is no number.
    throw new TypeError("A policy needs nowSeconds: Unix time in seconds");
  }
  const [found, second] = select(message, policy.tag);
  if (!found) throw new SignatureError("missing_signature");
  if (second) throw new SignatureError("malformed_signature");
  const { input, items, params, mac } = found;
  const { nowSeconds: now, skew, maxAge } = policy;
  const { created, expires = created + maxAge } = params;
  if (
    !["created", "keyid", ...policy.params].every((name) => name in params) ||
    !Object.entries(params).every(([name, value]) =>
      typeof value === (/^(created|expires)$/.test(name) ? "number" : "string")
    ) || (params.alg ?? "hmac-sha256") !== "hmac-sha256" // section 7.3.6
  ) throw new SignatureError("bad_parameters");
  const window = windowOf(created, expires, skew);
  if (
    !isOpen(window, now) || expires <= created || expires - created > maxAge
  ) throw new SignatureError("outside_time_window");
  try {
    const components = items.map(readComponent);
    const base = signatureBase(message, components, input);
    // Section 7.2.1: a signature that covers nothing proves nothing.
    if (policy.components.every((one) => components.includes(one))) {
      return { components, params, mac, base, window };
    }
  } catch {
    // What it covers is not there, or cannot be covered.
  }
  throw new SignatureError("insufficient_coverage");
}

/** The signatures with a tag: labels mean nothing (section 7.2.5). */
function select({ request, response }: Message, tag: string | undefined) {
  const read = (name: string) =>
    parseDictionary((response ?? request).headers.get(name) ?? "");
  try {
    const macs = read("signature");
    return [...read("signature-input")]
      .map(([label, input]) => ({ label, input, ...parseInnerList(input) }))
      .filter(({ params }) => params.get("tag") === (tag && serialize(tag)))
      .map(({ label, input, items, params }) => ({
        input,
        items,
        params: Object.fromEntries(
          [...params].map(([name, value]) => [name, parseBareItem(value)]),
        ) as unknown as SignatureParams,
        mac: parseBytes(macs.get(label)),
      }));
  } catch (cause) {
    throw new SignatureError("malformed_signature", { cause });
  }
}

/** A component without the quotes. */
function readComponent(item: string): string {
  if (/^"@?[a-z\d!#$%&'*+.^_`|~-]+"(;req)?$/.test(item)) {
    return item.replaceAll('"', "");
  }
  throw new TypeError(`Cannot cover ${item}`);
}
