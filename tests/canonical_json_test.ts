import { assertEquals, assertThrows } from "@std/assert";
import { canonicalJson } from "../src/json/canonical_json.ts";
import vectors from "./vectors/canonical_json.json" with { type: "json" };

for (const { section, input, canonical } of vectors.rfc8785) {
  Deno.test(`canonicalJson() gives RFC 8785's own example, ${section}`, () => {
    assertEquals(canonicalJson(JSON.parse(input)), canonical);
  });
}

Deno.test("canonicalJson() gives the bytes of RFC 8785 section 3.2.4", () => {
  const [{ input, "utf8_hex_of_section_3.2.4": hex }] = vectors.rfc8785;
  const bytes = new TextEncoder().encode(canonicalJson(JSON.parse(input)));
  const digits = Array.from(bytes, (b) => b.toString(16).padStart(2, "0"));
  assertEquals(digits.join(""), hex);
});

for (const { ieee754, json, comment } of vectors.appendix_b) {
  const what = `${ieee754} ${comment}`.trimEnd();
  Deno.test(`canonicalJson() obeys RFC 8785 Appendix B: ${what}`, () => {
    const number = new DataView(new ArrayBuffer(8));
    number.setBigUint64(0, BigInt(`0x${ieee754}`));
    const value = number.getFloat64(0);
    if (json !== null) assertEquals(canonicalJson(value), json);
    else assertThrows(() => canonicalJson(value), TypeError, comment);
  });
}

for (const { name, input, canonical } of vectors.accepted) {
  Deno.test(`canonicalJson() writes the one form: ${name}`, () => {
    assertEquals(canonicalJson(JSON.parse(input)), canonical);
    assertEquals(canonicalJson(JSON.parse(canonical)), canonical);
    assertEquals(canonicalJson(backwards(JSON.parse(input))), canonical);
  });
}

const REASON: Record<string, string> = {
  depth: "nesting deeper than 64",
  number: "Infinity",
  surrogate: "lone surrogate",
};

for (const { name, input, by } of vectors.refused) {
  if (!Object.hasOwn(REASON, by)) continue;
  Deno.test(`canonicalJson() refuses ${name}`, () => {
    const value = JSON.parse(input);
    assertThrows(() => canonicalJson(value), TypeError, REASON[by]);
  });
}

Deno.test("canonicalJson() leaves out members that are undefined", () => {
  const ordered = { a: undefined, b: 1, c: undefined };
  const unordered = { c: undefined, b: 1, a: undefined };
  assertEquals(canonicalJson(ordered), '{"b":1}');
  assertEquals(canonicalJson(unordered), '{"b":1}');
  assertEquals(canonicalJson({ z: 0, a: undefined, b: 1 }), '{"b":1,"z":0}');
});

Deno.test("canonicalJson() takes objects without a prototype", () => {
  const value = Object.assign(Object.create(null), { b: 1, a: 2 });
  assertEquals(canonicalJson(value), '{"a":2,"b":1}');
});

Deno.test("canonicalJson() refuses what JSON cannot carry", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  const refused: [unknown, string][] = [
    [undefined, "undefined"],
    [[undefined], "undefined"],
    [new Array(1), "undefined"], // a hole
    [{ a: () => 0 }, "a function"],
    [{ toJSON: () => 0 }, "a function"],
    [Symbol("s"), "a symbol"],
    [1n, "a bigint"],
    [NaN, "NaN"],
    [{ a: [-Infinity] }, "-Infinity"],
    [new Date(0), "a Date"],
    [new Map([["a", 1]]), "a Map"],
    [{ a: new Uint8Array(1) }, "a Uint8Array"],
    [Object(1), "a Number"],
    [new (class Money {})(), "a Money"],
    [Object.assign([1], { toJSON: () => 0 }), "an array with toJSON"],
    [[Object.assign([1], { toJSON: () => 0 })], "an array with toJSON"],
    [cycle, "nesting deeper than 64"],
  ];
  for (const [value, what] of refused) {
    const message = `Cannot canonicalize ${what}: it is not JSON`;
    assertThrows(() => canonicalJson(value), TypeError, message);
  }
});

/** The same value, with every object's members in the opposite order. */
function backwards(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(backwards);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).reverse();
  return Object.fromEntries(members.map(([k, v]) => [k, backwards(v)]));
}
