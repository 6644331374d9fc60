/**
 * A JSON reader that shares nothing with the one under test: it says what of a
 * text is not I-JSON, and keeps what `JSON.parse` forgets.
 */

/** A JSON value; an object is a map, so that order and odd names survive. */
export type Value = null | boolean | number | string | Value[] | JsonObject;
export type JsonObject = Map<string, Value>;

/** Why a text that is JSON is not to be taken. */
export type Problem =
  | "a name twice"
  | "a lone surrogate"
  | "no double holds it"
  | "an integer that no double holds"
  | "deeper than 64"
  | "more than 10000 names";

export interface StrictText {
  readonly value: Value;
  readonly problems: ReadonlySet<Problem>;
  /** Whether every number is written as RFC 8785 writes it. */
  readonly plainNumbers: boolean;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
// deno-lint-ignore no-control-regex -- JSON has them escaped only
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const WORDS = { true: true, false: false, null: null } as const;
const SHORT: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** Most different names of members that a text may have. */
const MOST_NAMES = 10_000;

/** An array or object that is being read, and where its values go. */
interface Open {
  readonly into: Value[] | JsonObject;
  name: string;
}

/** Reads bytes; `undefined` if they are no JSON in UTF-8. */
export function readBytes(bytes: Uint8Array): StrictText | undefined {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return readText(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}

/** Reads a text; `undefined` if it is no JSON. */
export function readText(text: string): StrictText | undefined {
  try {
    return new Reader(text).read();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

class Reader {
  #at = 0;
  readonly #problems = new Set<Problem>();
  #plain = true;
  readonly #names = new Set<string>();
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** With a stack of its own: a text may be as deep as it is long. */
  read(): StrictText {
    const open: Open[] = [];
    let value = this.#begin(open);
    for (;;) {
      if (value === undefined) {
        value = this.#begin(open);
        continue;
      }
      const top = open.at(-1);
      if (top === undefined) break;
      if (Array.isArray(top.into)) top.into.push(value);
      else {
        if (top.into.has(top.name)) this.#problems.add("a name twice");
        top.into.set(top.name, value);
        this.#names.add(top.name);
        if (this.#names.size > MOST_NAMES) {
          this.#problems.add("more than 10000 names");
        }
      }
      const isArray = Array.isArray(top.into);
      if (this.#take(",")) {
        if (!isArray) top.name = this.#name();
        value = undefined;
      } else if (this.#take(isArray ? "]" : "}")) {
        value = top.into;
        open.pop();
      } else throw new SyntaxError("no end");
    }
    this.#space();
    if (this.#at < this.#text.length) throw new SyntaxError("more");
    return { value, problems: this.#problems, plainNumbers: this.#plain };
  }

  /** A value, or `undefined` where one was opened that has values of its own. */
  #begin(open: Open[]): Value | undefined {
    if (this.#take("[")) {
      if (open.length >= 64) this.#problems.add("deeper than 64");
      if (this.#take("]")) return [];
      open.push({ into: [], name: "" });
      return undefined;
    }
    if (this.#take("{")) {
      if (open.length >= 64) this.#problems.add("deeper than 64");
      if (this.#take("}")) return new Map();
      open.push({ into: new Map(), name: this.#name() });
      return undefined;
    }
    for (const [word, value] of Object.entries(WORDS)) {
      if (this.#take(word)) return value;
    }
    return this.#text[this.#at] === '"' ? this.#string() : this.#number();
  }

  #name(): string {
    this.#space();
    const name = this.#string();
    if (!this.#take(":")) throw new SyntaxError("no colon");
    return name;
  }

  #string(): string {
    const literal = this.#match(STRING).slice(1, -1);
    const text = literal.replace(
      /\\(?:u(....)|(.))/g,
      (_all, hex: string | undefined, short: string) =>
        hex === undefined
          ? SHORT[short] ?? short
          : String.fromCharCode(parseInt(hex, 16)),
    );
    if (!text.isWellFormed()) this.#problems.add("a lone surrogate");
    return text;
  }

  #number(): number {
    const literal = this.#match(NUMBER);
    const value = Number(literal);
    if (!Number.isFinite(value)) this.#problems.add("no double holds it");
    else if (String(value) !== literal) {
      this.#plain = false;
      if (/^-?\d+$/.test(literal) && BigInt(literal) !== BigInt(value)) {
        this.#problems.add("an integer that no double holds");
      }
    }
    return value;
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    SPACE.exec(this.#text);
    this.#at = SPACE.lastIndex;
  }

  #take(token: string): boolean {
    this.#space();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw new SyntaxError("unexpected");
    this.#at += found.length;
    return found;
  }
}

/** RFC 8785, written from the RFC: what is signed. Not for what is too deep. */
export function canonicalOf(value: Value): string {
  if (value instanceof Map) {
    const names = [...value.keys()].sort();
    const members = names.map((name) =>
      `${JSON.stringify(name)}:${canonicalOf(value.get(name) as Value)}`
    );
    return `{${members.join()}}`;
  }
  if (Array.isArray(value)) return `[${value.map(canonicalOf).join()}]`;
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

/** A value with its order and its -0, as the engine must have it. */
export function exactOf(value: Value, sorted: boolean): string {
  if (value instanceof Map) {
    const names = [...value.keys()];
    if (sorted) names.sort();
    // The engine has names that are indexes before the others, and in order.
    const indexes = names.filter(isIndex).sort((a, b) => Number(a) - Number(b));
    const rest = names.filter((name) => !isIndex(name));
    const members = [...indexes, ...rest].map((name) =>
      `${JSON.stringify(name)}:${exactOf(value.get(name) as Value, sorted)}`
    );
    return `{${members.join()}}`;
  }
  if (Array.isArray(value)) {
    return `[${value.map((item) => exactOf(item, sorted)).join()}]`;
  }
  if (Object.is(value, -0) && !sorted) return "-0"; // canonical JSON has no -0
  return canonicalOf(value);
}

/** The same of what a tool was given; `undefined` if it is no plain JSON. */
export function exactOfJs(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const items = Array.from(value, exactOfJs);
    return items.includes(undefined) ? undefined : `[${items.join()}]`;
  }
  if (typeof value === "object" && value !== null) {
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return undefined;
    const members = Object.entries(value).map(([name, member]) => {
      const text = exactOfJs(member);
      return text && `${JSON.stringify(name)}:${text}`;
    });
    return members.includes(undefined) ? undefined : `{${members.join()}}`;
  }
  if (Object.is(value, -0)) return "-0";
  return typeof value === "number"
    ? Number.isFinite(value) ? String(value) : undefined
    : JSON.stringify(value);
}

function isIndex(name: string): boolean {
  return /^(0|[1-9]\d{0,9})$/.test(name) && Number(name) < 2 ** 32 - 1;
}
