/**
 * The JSON Canonicalization Scheme,
 * {@link https://www.rfc-editor.org/rfc/rfc8785 | RFC 8785}.
 *
 * Values that JSON cannot carry faithfully (NaN, lone surrogates, dates, class
 * instances, holes, cycles) are refused, not converted: what is signed is what
 * the other side reads. Members that are `undefined` are left out, as in JSON.
 *
 * @module
 */

/** The deepest nesting that is canonicalized. */
export const MAX_DEPTH = 64;

/**
 * Serializes a JSON value to its one canonical form.
 *
 * @throws {TypeError} If the value is not JSON, or nests deeper than 64.
 */
export function canonicalJson(value: unknown): string {
  // Native `JSON.stringify` follows RFC 8785 sections 3.2.2.2 and 3.2.2.3 for
  // strings and numbers; only the order of members (3.2.3) may have to be made.
  return inOrder(value, 0) ? JSON.stringify(value) : write(value);
}

/**
 * Refuses what is not JSON, and tells whether every object's members already
 * stand in order. Enumeration order is what `JSON.stringify` writes, so
 * integer-like names need no rule of their own.
 */
function inOrder(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "boolean":
      return true;
    case "number":
      if (!Number.isFinite(value)) throw notJsonError(String(value));
      return true;
    case "string":
      refuseLoneSurrogate(value);
      return true;
    case "object":
      break;
    default:
      throw notJsonError(
        value === undefined ? "undefined" : `a ${typeof value}`,
      );
  }
  if (value === null) return true;
  if (depth >= MAX_DEPTH) {
    throw notJsonError(`nesting deeper than ${MAX_DEPTH}`);
  }
  let ordered = true;
  if (Array.isArray(value)) {
    // `JSON.stringify` would call it, and write what nobody has looked at.
    if ("toJSON" in value) throw notJsonError("an array with toJSON");
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      // Long arrays are mostly of numbers: those need no call.
      if (typeof item === "number" && Number.isFinite(item)) continue;
      if (!inOrder(item, depth + 1)) ordered = false;
    }
    return ordered;
  }
  refuseClassInstance(value);
  let last: string | undefined;
  for (const name of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[name];
    if (member === undefined) continue;
    refuseLoneSurrogate(name);
    // Strings compare by UTF-16 code unit, as section 3.2.3 asks.
    if (last !== undefined && name < last) ordered = false;
    last = name;
    if (!inOrder(member, depth + 1)) ordered = false;
  }
  return ordered;
}

/** Writes a value that {@linkcode inOrder} has already let through. */
function write(value: unknown): string {
  switch (typeof value) {
    case "number":
      return `${value}`; // -0 is "0" in JSON too
    case "object":
      break;
    default:
      return JSON.stringify(value);
  }
  if (value === null) return "null";
  let text = "";
  if (Array.isArray(value)) {
    for (const item of value) text += `${text && ","}${write(item)}`;
    return `[${text}]`;
  }
  const record = value as Record<string, unknown>;
  for (const name of Object.keys(record).sort()) {
    const member = record[name];
    if (member === undefined) continue;
    text += `${text && ","}${JSON.stringify(name)}:${write(member)}`;
  }
  return `{${text}}`;
}

function refuseLoneSurrogate(text: string): void {
  if (!text.isWellFormed()) {
    throw notJsonError("a string with a lone surrogate");
  }
}

/** A `Map` would be signed as `{}`, a `Date` as a string that no schema saw. */
function refuseClassInstance(value: object): void {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return;
  throw notJsonError(`a ${prototype.constructor?.name ?? "class instance"}`);
}

function notJsonError(what: string): TypeError {
  return new TypeError(`Cannot canonicalize ${what}: it is not JSON`);
}
