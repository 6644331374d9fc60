import { assertEquals, assertStringIncludes } from "@std/assert";
import { defineTool, type } from "../mod.ts";
import { check } from "../src/tool/check.ts";
import { jsonSchema } from "../src/tool/json_schema.ts";

const { input } = defineTool({
  description: "Takes something of every kind",
  input: type({
    numbers: "number[] >= 1",
    "rows?": type({ x: "number", "deep?": { y: "string[]" } }).array(),
    label: type("string").default("none"),
    "even?": type("number").narrow((n, ctx) =>
      n % 2 === 0 || ctx.mustBe("even")
    ),
  }),
  run: () => null,
});

Deno.test("a tool refuses unknown members at every level, in arrays too", () => {
  const wrong: [unknown, string][] = [
    [{ numbers: [1], extra: 1 }, "extra must be removed"],
    [{ numbers: [1], rows: [{ x: 1, z: 2 }] }, "rows[0].z must be removed"],
    [
      { numbers: [1], rows: [{ x: 1, deep: { y: [], z: 2 } }] },
      "rows[0].deep.z must be removed",
    ],
    [{ numbers: [] }, "numbers must be non-empty"],
    [{ numbers: [1, "2"] }, "numbers[1] must be a number"],
    [{ numbers: [1], even: 3 }, "even must be even"],
  ];
  for (const [value, says] of wrong) {
    const checked = check(input, value);
    assertStringIncludes(
      checked.ok ? "ok" : checked.issues[0].message,
      says,
    );
  }
});

Deno.test("what a schema lets through has its defaults filled in", () => {
  assertEquals(check(input, { numbers: [1] }), {
    ok: true,
    value: { numbers: [1], label: "none" },
  });
});

Deno.test("a schema is JSON Schema 2020-12, less what that cannot say", () => {
  const schema = jsonSchema(input);
  assertEquals(schema, {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    additionalProperties: false,
    required: ["numbers"],
    properties: {
      numbers: { type: "array", items: { type: "number" }, minItems: 1 },
      label: { type: "string", default: "none" },
      even: { type: "number" },
      rows: {
        type: "array",
        items: {
          type: "object",
          additionalProperties: false,
          required: ["x"],
          properties: {
            x: { type: "number" },
            deep: {
              type: "object",
              additionalProperties: false,
              required: ["y"],
              properties: { y: { type: "array", items: { type: "string" } } },
            },
          },
        },
      },
    },
  });
});

Deno.test("twenty issues are told, each of at most 200 characters", () => {
  const extras = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`${"x".repeat(300)}${i}`, i]),
  );
  const checked = check(input, { numbers: [1], ...extras });
  const issues = checked.ok ? [] : checked.issues;
  assertEquals(issues.length, 20);
  assertEquals(issues[0].message.length, 200);
});
