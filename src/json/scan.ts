/**
 * Looks through a JSON text once, for what I-JSON forbids
 * ({@link https://www.rfc-editor.org/rfc/rfc7493 | RFC 7493}) and `JSON.parse`
 * lets pass.
 *
 * It goes before the parser, and takes time in proportion to the text. It is
 * exact for what is JSON; whether a text is, the parser tells.
 *
 * @module
 */

import { cut } from "../text.ts";
import { MAX_DEPTH } from "./canonical_json.ts";
import { EXACT_LENGTH, numberFlaw } from "./numbers.ts";
import { pathAt } from "./path_at.ts";
import {
  beginsNumber,
  closingQuote,
  numberEnd,
  unescapeString,
} from "./tokens.ts";

/** Why a text is not I-JSON. */
export interface Flaw {
  readonly kind: "depth" | "names" | "duplicate" | "surrogate" | "number";
  /** For people and models, without a full stop. */
  readonly sentence: string;
}

/** Finds the first flaw of a text. */
export function findFlaw(text: string): Flaw | undefined {
  return new Scanner(text).run();
}

/** The names of one object, to be asked whether one was there before. */
class Names {
  count = 0;
  /** Names in order are new without a search: canonical texts have no others. */
  #greatest: string | undefined;
  /** Beyond `count`, what the object before had: rows have the same names. */
  readonly #list: string[] = [];
  #set: Set<string> | undefined;

  clear(): void {
    this.count = 0;
    this.#greatest = undefined;
    this.#set = undefined;
  }

  /** Whether the object before had the name in this place. */
  isRepeated(name: string): boolean {
    return this.#list[this.count] === name;
  }

  /** Adds a name; `false` if it is there. */
  add(name: string): boolean {
    if (this.#greatest === undefined || name > this.#greatest) {
      this.#greatest = name;
    } else if (this.#has(name)) return false;
    this.#list[this.count++] = name;
    this.#set?.add(name);
    return true;
  }

  #has(name: string): boolean {
    if (this.count > SHORT_LIST) {
      this.#set ??= new Set(this.#list.slice(0, this.count));
      return this.#set.has(name);
    }
    for (let i = 0; i < this.count; i++) {
      if (this.#list[i] === name) return true;
    }
    return false;
  }
}

/** Most names of a text, each counted once: parsers take long for more. */
export const MAX_NAMES = 10_000;
/** Names that a search takes no longer for than a set. */
const SHORT_LIST = 12;
const LONGEST_NAME = 64;

class Scanner {
  readonly #text: string;
  /** The names of the open objects; `undefined` is an array. */
  readonly #open: (Names | undefined)[] = [];
  /** One for each level, used again: most texts have many small objects. */
  readonly #names: Names[] = [];
  /** Every name of the text. */
  readonly #all = new Set<string>();
  /** Short strings with escapes: rows repeat theirs. */
  readonly #unescaped = new Map<string, string>();
  /** Where the next backslash is, from the last string on; -1 for none. */
  #backslash: number;
  #at = 0;
  #atName = false;

  constructor(text: string) {
    this.#text = text;
    this.#backslash = text.indexOf("\\");
  }

  run(): Flaw | undefined {
    const text = this.#text;
    for (; this.#at < text.length; this.#at++) {
      const unit = text.charCodeAt(this.#at);
      switch (unit) {
        case 0x7b: // {
        case 0x5b: // [
          if (!this.#enter(unit === 0x7b)) {
            const sentence = `The body nests deeper than ${MAX_DEPTH}`;
            return { kind: "depth", sentence };
          }
          break;
        case 0x7d: // }
        case 0x5d: // ]
          this.#open.pop();
          break;
        case 0x2c: // ,
          this.#atName = this.#open[this.#open.length - 1] !== undefined;
          break;
        case 0x3a: // :
          this.#atName = false;
          break;
        case 0x22: { // "
          const flaw = this.#string();
          if (flaw) return flaw;
          if (this.#at < 0) return undefined; // no JSON
          break;
        }
        default: {
          if (!beginsNumber(unit)) break;
          const flaw = this.#number();
          if (flaw) return flaw;
        }
      }
    }
  }

  #enter(isObject: boolean): boolean {
    const depth = this.#open.length;
    if (depth === MAX_DEPTH) return false;
    this.#atName = isObject;
    if (!isObject) {
      this.#open.push(undefined);
      return true;
    }
    const names = this.#names[depth] ??= new Names();
    names.clear();
    this.#open.push(names);
    return true;
  }

  #string(): Flaw | undefined {
    const text = this.#text;
    const start = this.#at;
    const end = this.#at = closingQuote(text, start);
    if (end < 0) return undefined;
    let string: string | undefined;
    if (this.#hasBackslash(start, end)) {
      const literal = text.slice(start, end + 1);
      if (this.#atName || /\\u[dD][89a-fA-F]/.test(literal)) {
        string = this.#unescape(literal);
        if (string?.isWellFormed() === false) {
          const what = this.#atName ? "a name" : "a string";
          const sentence = `${pathAt(text, start)} has ${what} with a ` +
            "lone surrogate";
          return { kind: "surrogate", sentence };
        }
      }
    }
    if (!this.#atName) return undefined;
    return this.#name(string ?? text.slice(start + 1, end));
  }

  #name(name: string): Flaw | undefined {
    const names = this.#open[this.#open.length - 1];
    if (names === undefined) return undefined;
    if (!names.isRepeated(name)) {
      this.#all.add(name);
      if (this.#all.size > MAX_NAMES) {
        const sentence = `The body has more than ${MAX_NAMES} different ` +
          "names of members: send arrays";
        return { kind: "names", sentence };
      }
    }
    if (names.add(name)) return undefined;
    const quoted = JSON.stringify(cut(name, LONGEST_NAME));
    const sentence = `The body names ${quoted} twice in one object`;
    return { kind: "duplicate", sentence };
  }

  #unescape(literal: string): string | undefined {
    let string = this.#unescaped.get(literal);
    if (string === undefined) {
      string = unescapeString(literal);
      if (string !== undefined && literal.length <= LONGEST_NAME) {
        this.#unescaped.set(literal, string);
      }
    }
    return string;
  }

  #hasBackslash(start: number, end: number): boolean {
    if (this.#backslash >= 0 && this.#backslash < start) {
      this.#backslash = this.#text.indexOf("\\", start);
    }
    return this.#backslash >= 0 && this.#backslash < end;
  }

  #number(): Flaw | undefined {
    const text = this.#text;
    const start = this.#at;
    const end = numberEnd(text, start);
    this.#at = end - 1;
    if (isSound(text, start, end)) return undefined;
    const what = numberFlaw(text.slice(start, end));
    if (what === undefined) return undefined;
    return { kind: "number", sentence: `${pathAt(text, start)} is ${what}` };
  }
}

/** Whether a number is short and has no exponent: most are, and need no look. */
function isSound(text: string, start: number, end: number): boolean {
  if (end - start > EXACT_LENGTH) return false;
  for (let at = start; at < end; at++) {
    if (text.charCodeAt(at) > 0x39) return false; // e or E
  }
  return true;
}
