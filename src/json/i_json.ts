/**
 * I-JSON texts, {@link https://www.rfc-editor.org/rfc/rfc7493 | RFC 7493}: JSON
 * in UTF-8 that every parser reads alike. The one gate for what others sent.
 *
 * @module
 */

import { parseJson } from "./parse_json.ts";
import { findFlaw, type Flaw } from "./scan.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Decodes UTF-8, refusing what is not.
 *
 * @throws {TypeError} If the bytes are not UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a text came to: its value, or why it has none that all would agree on. */
export type Parsed =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "flawed"; readonly flaw: Flaw }
  | { readonly kind: "not JSON"; readonly cause: unknown };

/**
 * Parses a text, unless it nests deeper than 64, has more than 10,000 names,
 * names a member twice (section 2.3), has a lone surrogate (2.1) or a number
 * that no double holds (2.2).
 */
export function parseIJson(text: string): Parsed {
  const flaw = findFlaw(text);
  if (flaw) return { kind: "flawed", flaw };
  try {
    return { kind: "value", value: parseJson(text) };
  } catch (cause) {
    return { kind: "not JSON", cause };
  }
}

/**
 * Parses a text that was refused, for the id that a refusal may repeat;
 * `undefined` if it is not JSON, or would take a parser long.
 */
export function parseAnyway(text: string, { kind }: Flaw): unknown {
  if (kind === "depth" || kind === "names") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
