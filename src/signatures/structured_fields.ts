/**
 * Dictionaries of {@link https://www.rfc-editor.org/rfc/rfc9651 | RFC 9651}, which
 * signatures and digests are written in.
 *
 * Members stay as the sender wrote them, because RFC 9421 signs those
 * characters; of their values only strings, integers and byte sequences are
 * read, as ours have no others. What is no dictionary is refused, not guessed
 * at. So is a key that repeats: the RFC lets the last one win, but two readers
 * of a message may not agree on that.
 *
 * @module
 */

import { fromBase64 } from "../base64.ts";

/** An inner list; items and parameters are as the sender wrote them. */
export interface InnerList {
  /** The items, each with its parameters. */
  readonly items: readonly string[];
  /** The list's own parameters. */
  readonly params: ReadonlyMap<string, string>;
}

const KEY = "([a-z*][a-z\\d_.*-]*)";
const STRING = '"(?:[ !#-[\\]-~]|\\\\["\\\\])*"';
/** What ours are written with: strings and integers. */
const OWN = new RegExp(`^(${STRING}|-?\\d{1,15})$`);
/** Besides: bytes, booleans, decimals, dates, tokens and display strings. */
const BARE_ITEM = `(%?${STRING}|:[\\dA-Za-z+/]*={0,2}:|\\?[01]|` +
  "@?-?\\d{1,15}(?:\\.\\d{1,3})?|[A-Za-z*][\\w!#$%&'*+.^`|~:/-]*)";
const PARAM = `; *${KEY}(?:=${BARE_ITEM})?`;
const ITEM = `${BARE_ITEM}(${PARAM})*`;
/** Of names alone: nothing else is covered by a signature (RFC 9421 section 2). */
const NAME = `${STRING}(${PARAM})*`;
const LIST = `\\( *(?<items>(${NAME}( +|(?=\\))))*)\\)(?<params>(${PARAM})*)`;
/** A member ends where the next one starts, or with the text (section 4.2.2). */
const MEMBER = `${KEY}(?:=(${ITEM}|${LIST}))?([ \\t]*,[ \\t]*(?!$)|$)`;

/**
 * Parses a dictionary; a member without a value is `?1`.
 *
 * @throws {SyntaxError} If the text is no dictionary of this part of the RFC.
 */
export function parseDictionary(text: string): Map<string, string> {
  return readEntries(text, MEMBER);
}

/**
 * Parses a member of a dictionary that is an inner list.
 *
 * @throws {SyntaxError} If it is none.
 */
export function parseInnerList(member: string): InnerList {
  const { items, params } = new RegExp(`^${LIST}$`).exec(member)?.groups ?? {};
  if (params === undefined) throw unreadableError(member);
  return {
    items: items.match(new RegExp(NAME, "g")) ?? [],
    params: readEntries(params, PARAM),
  };
}

/**
 * Parses a member of a dictionary that is a byte sequence.
 *
 * @throws {SyntaxError} If it is none, or there is no such member.
 */
export function parseBytes(member = ""): Uint8Array<ArrayBuffer> {
  // RFC 9651 section 3.3.5
  const [, base64] =
    /^:((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?):$/
      .exec(member) ?? [];
  if (!base64) throw unreadableError(member);
  return fromBase64(base64);
}

/**
 * Writes a string or an integer, which JSON writes as the RFC does.
 *
 * @throws {TypeError} If it has no form in a structured field.
 */
export function serialize(value: string | number): string {
  const text = JSON.stringify(value);
  if (OWN.test(text)) return text;
  throw new TypeError(`Cannot write ${text} in a structured field`);
}

/**
 * Parses a string or an integer.
 *
 * @throws {SyntaxError} If it is neither.
 */
export function parseBareItem(text: string): unknown {
  if (OWN.test(text)) return JSON.parse(text);
  throw unreadableError(text);
}

/** Keys and values of matches that follow each other without a gap. */
function readEntries(text: string, pattern: string): Map<string, string> {
  const found = new Map<string, string>();
  let end = 0;
  for (
    const [all, key, value = "?1"] of text.matchAll(new RegExp(pattern, "gy"))
  ) {
    if (found.has(key)) break;
    found.set(key, value);
    end += all.length;
  }
  if (end < text.length) throw unreadableError(text);
  return found;
}

function unreadableError(text: string): SyntaxError {
  return new SyntaxError(`Cannot read the structured field ${text}`);
}
