/**
 * Numbers as JSON texts write them, and what doubles hold of them.
 *
 * @module
 */

import { cut } from "../text.ts";
import { beginsNumber, closingQuote, numberEnd } from "./tokens.ts";

/** Integers of so many characters are doubles, all of them. */
export const EXACT_LENGTH = 15;
/** No finite double has more digits. */
const LONGEST = 310;
const LONGEST_QUOTED = 40;

/**
 * What is wrong with a number, if no double holds it.
 *
 * An integer is right if it is a double, or what RFC 8785 writes for one: 2^68
 * is 295147905179352830000 there. A fraction is as near as doubles get.
 */
export function numberFlaw(literal: string): string | undefined {
  const hasExponent = literal.includes("e") || literal.includes("E");
  if (literal.length <= EXACT_LENGTH && !hasExponent) return undefined;
  const number = Number(literal);
  if (Number.isNaN(number)) return undefined; // no JSON, as its parser says
  const quoted = cut(literal, LONGEST_QUOTED);
  if (!Number.isFinite(number)) {
    return `${quoted}, beyond every double: it would be read as Infinity`;
  }
  if (hasExponent || literal.includes(".") || String(number) === literal) {
    return undefined;
  }
  const isExact = literal.length <= LONGEST &&
    BigInt(literal) === BigInt(number);
  return isExact
    ? undefined
    : `${quoted}, which no double holds: send a string`;
}

/**
 * Finds a number that RFC 8785 section 3.2.2.3 writes otherwise: `1.0`, `1e-05`
 * or `-0`, as some languages do.
 */
export function findForeignNumber(text: string): string | undefined {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) {
      at = closingQuote(text, at);
      if (at < 0) return undefined;
    } else if (beginsNumber(unit)) {
      const end = numberEnd(text, at);
      const literal = text.slice(at, end);
      if (/[.eE]|^-0/.test(literal) && String(Number(literal)) !== literal) {
        return cut(literal, LONGEST_QUOTED);
      }
      at = end - 1;
    }
  }
}
