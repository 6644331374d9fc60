import { assertEquals, assertThrows } from "@std/assert";
import { canonicalJson } from "../src/json/canonical_json.ts";
import { findNotJson, refuseNotJson } from "../src/json/not_json.ts";

const nested = (depth: number) =>
  JSON.parse("[".repeat(depth) + "]".repeat(depth));
const cycle: Record<string, unknown> = {};
cycle.self = cycle;
const half = "😀".slice(0, 1);

const refused: [string, unknown, string, string][] = [
  [
    "a date",
    { rows: [1, 2, 3, { at: new Date(0) }] },
    "$.rows[3].at",
    "a Date",
  ],
  ["nothing", undefined, "$", "undefined"],
  ["a hole", [1, , 3], "$[1]", "undefined"],
  ["NaN", { "odd name": NaN }, '$["odd name"]', "NaN"],
  ["infinity", [-Infinity], "$[0]", "-Infinity"],
  ["a bigint", { id: 1n }, "$.id", "a bigint"],
  ["a function", { toJSON: () => 1 }, "$.toJSON", "a function"],
  ["a symbol", [Symbol()], "$[0]", "a symbol"],
  ["a map", { m: new Map() }, "$.m", "a Map"],
  ["bytes", [new Uint8Array(1)], "$[0]", "a Uint8Array"],
  ["an object of no class", [Object.create({})], "$[0]", "a Object"],
  ["half an emoji", { a: [half] }, "$.a[0]", "a string with a lone surrogate"],
  [
    "half an emoji in a name",
    { [half]: 1 },
    '$["\ufffd"]',
    "a name with a lone surrogate",
  ],
  [
    "what nests too deep",
    nested(65),
    `$${"[0]".repeat(64)}`,
    "nested deeper than 64",
  ],
  [
    "a getter that throws",
    {
      items: [{
        get a(): never {
          throw new Error("no");
        },
      }],
    },
    "$.items[0]",
    "an object that throws when it is read",
  ],
  [
    "a proxy that throws",
    [
      new Proxy({}, {
        getPrototypeOf() {
          throw new Error("no");
        },
      }),
    ],
    "$[0]",
    "an object that throws when it is read",
  ],
  [
    "a cycle",
    cycle,
    `$${".self".repeat(64)}`.slice(0, 200),
    "nested deeper than 64",
  ],
  [
    "an array that writes itself",
    [Object.assign([], { toJSON: 1 })],
    "$[0]",
    "an array with toJSON",
  ],
];

for (const [name, value, path, what] of refused) {
  Deno.test(`findNotJson() says where ${name} stands`, () => {
    assertEquals(findNotJson(value), { path, what });
    assertThrows(() => canonicalJson(value), Error, "");
    assertThrows(
      () => refuseNotJson(value, "The result"),
      TypeError,
      `The result is not JSON: ${path} is ${what}`,
    );
  });
}

Deno.test("findNotJson() finds nothing in what is JSON", () => {
  const values = [
    null,
    0,
    -0,
    "😀",
    [],
    {},
    { a: undefined, b: [{ c: "" }] },
    Object.assign(Object.create(null), { toJSON: "a word" }),
    nested(64),
  ];
  for (const value of values) {
    assertEquals(findNotJson(value), undefined);
    canonicalJson(value);
  }
});
