/**
 * Parses JSON, also where `JSON.parse` cannot be relied on.
 *
 * V8 15.0 (Deno 2.9) reads an escaped name of one character, such as `"\n"`, as
 * `"\\"` once it has parsed `{"a":1,"\\":2}`: what one caller sent changes what
 * another's call is read as. Strings by themselves it reads right.
 *
 * @module
 */

import { closingQuote, numberEnd } from "./tokens.ts";

/** A name of one character, escaped; or what looks like one within a string. */
const ESCAPED_SHORT_NAME = /"\\(?:u[0-9a-fA-F]{4}|[^u])"\s*:/;

/**
 * Parses a text as `JSON.parse` should.
 *
 * @param text One that nests no deeper than the stack.
 * @throws {SyntaxError} If it is not JSON.
 */
export function parseJson(text: string): unknown {
  return ESCAPED_SHORT_NAME.test(text) ? parseExactly(text) : JSON.parse(text);
}

const LONGEST_NAME = 64;

/** Builds the value by hand, as {@linkcode parseJson} does where it must. */
export function parseExactly(text: string): unknown {
  JSON.parse(text); // refuses what is not JSON, and so spares checks below
  let at = 0;
  /** Short strings are mostly names, and rows repeat theirs. */
  const unescaped = new Map<string, string>();

  function next(): string {
    while (" \t\n\r,:".includes(text[at])) at++;
    return text[at];
  }

  function string(): string {
    const start = at;
    at = closingQuote(text, start) + 1;
    const literal = text.slice(start, at);
    if (!literal.includes("\\")) return literal.slice(1, -1);
    let string = unescaped.get(literal);
    if (string === undefined) {
      string = JSON.parse(literal) as string;
      if (literal.length <= LONGEST_NAME) unescaped.set(literal, string);
    }
    return string;
  }

  function object(): Record<string, unknown> {
    const members: Record<string, unknown> = {};
    for (at++; next() !== "}";) {
      const name = string();
      next();
      const member = value();
      if (name === "__proto__") {
        const options = {
          enumerable: true,
          configurable: true,
          writable: true,
        };
        Object.defineProperty(members, name, { value: member, ...options });
      } else members[name] = member;
    }
    at++;
    return members;
  }

  function array(): unknown[] {
    const items: unknown[] = [];
    for (at++; next() !== "]";) items.push(value());
    at++;
    return items;
  }

  function value(): unknown {
    switch (next()) {
      case "{":
        return object();
      case "[":
        return array();
      case '"':
        return string();
      case "t":
        at += 4;
        return true;
      case "f":
        at += 5;
        return false;
      case "n":
        at += 4;
        return null;
      default: {
        const start = at;
        at = numberEnd(text, start);
        return Number(text.slice(start, at));
      }
    }
  }

  return value();
}
