/** Tools whose schemas are made by any library, or by another copy of ArkType. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { toStandardJsonSchema } from "npm:@valibot/to-json-schema@1.5.0";
import { type as oldType } from "npm:arktype@2.1.20";
import { type as otherType } from "npm:arktype@2.1.28";
import { type as rawType } from "npm:arktype@2.2.9";
import * as v from "npm:valibot@1.2.0";
import * as z from "npm:zod@4.2.1";
import { defineTool, type Schema, type } from "../mod.ts";
import { check } from "../src/tool/check.ts";
import { readReply, toJson } from "../src/tool/question.ts";
import { clientOf } from "./support/clients.ts";
import { signed } from "./support/envelopes.ts";
import { call, textOf } from "./support/mcp.ts";
import { withServer } from "./support/servers.ts";

const ark = {
  "+": "reject",
  amount: "0 < number <= 100",
  "note?": "string <= 8",
  "rows?": [{ "+": "reject", id: "number.integer" }, "[]"],
} as const;

/** The same schema, by everybody. */
const payments = {
  "this package": type({
    amount: "0 < number <= 100",
    "note?": "string <= 8",
    "rows?": type({ id: "number.integer" }).array(),
  }),
  "arktype 2.1.20": oldType(ark),
  "arktype 2.1.28": otherType(ark),
  "arktype 2.2.9, not made strict": rawType(ark),
  "zod": z.strictObject({
    amount: z.number().gt(0).max(100),
    note: z.string().max(8).optional(),
    rows: z.array(z.strictObject({ id: z.int() })).optional(),
  }),
  "valibot": toStandardJsonSchema(v.strictObject({
    amount: v.pipe(v.number(), v.minValue(0.01), v.maxValue(100)),
    note: v.optional(v.pipe(v.string(), v.maxLength(8))),
    rows: v.optional(
      v.array(v.strictObject({ id: v.pipe(v.number(), v.integer()) })),
    ),
  })),
} satisfies Record<string, Schema>;

const wrong: [args: Record<string, unknown>, path: string, says: RegExp][] = [
  [{ amount: 1e9 }, "amount", /amount must be at most 100 \(was 1000000000\)/],
  [{ amount: "5" }, "amount", /amount must be a number \(was (a string|"5")\)/],
  [{}, "amount", /amount must be .*\(was missing\)/],
  [{ amount: 5, extra: 1 }, "extra", /extra must be removed/],
  [{ amount: 5, note: "far too long" }, "note", /note must .*at most .*8/],
  [{ amount: 5, rows: [{ id: 1 }, { id: 1.5 }] }, "rows.1.id", /rows\[1\].id/],
  [
    { amount: 5, rows: [{ id: 1, x: 2 }] },
    "rows.0.x",
    /rows\[0\].x must be re/,
  ],
  [{ amount: 5, rows: {} }, "rows", /rows must be an array \(was an object\)/],
];

for (const [name, input] of Object.entries(payments)) {
  Deno.test(`a schema of ${name} is obeyed on both protocols`, async () => {
    let ran = 0;
    const pay = defineTool({
      description: "Pays",
      input: input as Schema,
      run: (args) => ({ ran: ++ran, args }),
    });
    await withServer(async (server) => {
      const good = { amount: 5, rows: [{ id: 1 }] };
      const { answer } = await server.post(
        signed({ tool: "pay", args: good }),
      );
      assertEquals(answer.result, { ran: 1, args: good });
      const called = await call(server, "pay", good);
      assertEquals(called.result?.structuredContent, { ran: 2, args: good });
      for (const [args, path, says] of wrong) {
        const { status, answer } = await server.post(
          signed({ tool: "pay", args }),
        );
        assertEquals(status, 422);
        const { issues: [issue] } = answer.result as {
          issues: { path: string[]; message: string }[];
        };
        assertEquals(issue.path.join("."), path);
        assertMatch(issue.message, says);
        const { result } = await call(server, "pay", args);
        assert(result?.isError);
        assertMatch(textOf({ result } as never), says);
      }
      assertEquals(ran, 2);
    }, { tools: { pay }, mcp: { authenticate: "none" } });
  });

  Deno.test(`a schema of ${name} is listed as JSON Schema`, async () => {
    const tools = {
      pay: defineTool({
        description: "Pays",
        input: input as Schema,
        run: () => null,
      }),
    };
    await withServer(async ({ post }) => {
      const { answer } = await post(signed({ tool: "list_tools", args: {} }));
      const { tools } = answer.result as {
        tools: { name: string; input_schema: Record<string, unknown> }[];
      };
      const listed = tools.find(({ name }) => name === "pay")?.input_schema;
      assertEquals(listed?.additionalProperties, false);
      assertEquals(listed?.required, ["amount"]);
      const { amount } = listed?.properties as {
        amount: Record<string, unknown>;
      };
      assertEquals([amount.type, amount.maximum], ["number", 100]);
    }, { tools });
  });
}

Deno.test("types follow from any library's schema, through to the client", async () => {
  const tools = {
    zod: defineTool({
      description: "Adds one",
      input: z.strictObject({ n: z.number(), step: z.number().default(1) }),
      output: z.strictObject({ sum: z.number() }),
      run: ({ n, step }) => ({ sum: n + step }),
    }),
    valibot: defineTool({
      description: "Measures",
      input: toStandardJsonSchema(v.strictObject({ text: v.string() })),
      run: ({ text }) => text.length,
    }),
    arktype: defineTool({
      description: "Joins",
      input: otherType({ "+": "reject", words: "string[]" }),
      run: ({ words }) => words.join(" "),
    }),
  };
  await withServer(async ({ handle }) => {
    const client = clientOf<typeof tools>(handle);
    const { sum }: { sum: number } = await client.call("zod", { n: 1 });
    const length: number = await client.call("valibot", { text: "abc" });
    const joined: string = await client.call("arktype", { words: ["a", "b"] });
    assertEquals([sum, length, joined], [2, 3, "a b"]);
    // @ts-expect-error -- a wrong argument does not compile
    await client.call("valibot", { text: 1 }).catch(() => {});
    // @ts-expect-error -- nor a wrong name
    await client.call("zod", { m: 1 }).catch(() => {});
  }, { tools });
});

/** `type`, without the types that such a mixture has. */
const untyped: (definition: object) => unknown = type as never;
/** A schema without its types: many in one list are too much for the compiler. */
const plain = (schema: unknown): Schema => schema as Schema;
const run = () => null;
const description = "Takes something";

Deno.test("defineTool() refuses a schema that lets through what it does not name", () => {
  const open: [unknown, string][] = [
    // Its JSON Schema does not say that it is meant.
    [toStandardJsonSchema(v.looseObject({ a: v.number() })), "$"],
    [plain(rawType({ a: "number" })), "$"],
    [plain(oldType({ a: "number" })), "$"],
    [z.object({ a: z.number() }), "$"],
    [toStandardJsonSchema(v.object({ a: v.number() })), "$"],
    [
      z.strictObject({ rows: z.array(z.object({ a: z.number() })) }),
      "$.rows[]",
    ],
    [untyped({ row: rawType({ x: "number" }) }), "$.row"],
    [z.strictObject({ by: z.record(z.string(), z.object({})) }), "$.by.*"],
    [
      z.strictObject({
        one: z.union([z.string(), z.strictObject({ two: z.object({}) })]),
      }),
      "$.one.two",
    ],
    [
      z.strictObject({ pair: z.tuple([z.string(), z.object({})]) }),
      "$.pair[]",
    ],
    [plain(rawType({ "[/^x-/]": "string" })), "$"],
  ];
  for (const [schema, place] of open) {
    const input = schema as Schema;
    const error = assertThrows(
      () => defineTool({ description, input, run }),
      TypeError,
      `at ${place}: close it with`,
    );
    for (
      const way of ["`type`", "z.strictObject", "v.strictObject", "open: true"]
    ) {
      assertStringIncludes(error.message, way);
    }
    defineTool({ description, input, run, open: true });
  }
});

Deno.test("defineTool() takes what is open on purpose", () => {
  const meant: unknown[] = [
    type({ a: "number", "[string]": "unknown" }),
    type("object"),
    type({ anything: "unknown", some: "object" }),
    z.looseObject({ a: z.number() }),
    z.record(z.string(), z.unknown()),
    z.strictObject({ a: z.unknown(), b: z.json() }),
  ];
  for (const schema of meant) {
    defineTool({ description, input: schema as Schema, run });
  }
  // Recursive, and closed at every turn.
  const Node = z.strictObject({
    value: z.number(),
    get next() {
      return Node.optional();
    },
  });
  defineTool({ description, input: Node, run });
});

Deno.test("defineTool() refuses what is no schema, and says what is missing", () => {
  const refused: [unknown, string][] = [
    [undefined, "input is no Standard Schema"],
    [null, "input is no Standard Schema"],
    [{}, "input is no Standard Schema"],
    [(value: unknown) => value, "input is no Standard Schema"],
    [{ type: "object" }, "input is no Standard Schema"],
    [{ "~standard": { version: 2, validate: run } }, "no Standard Schema"],
    [v.strictObject({}), "input has no JSON Schema: A schema of valibot"],
    [z.strictObject({ at: z.date() }), "input has no JSON Schema: Date"],
    [type("string"), "input is not an object"],
    [z.array(z.string()), "input is not an object"],
    [z.unknown(), "input is not an object"],
    [type({ a: "'a'" }).or("string"), "input is not an object"],
    [
      z.strictObject({ a: z.string().describe("half 😀".slice(0, 6)) }),
      "is a string with a lone surrogate",
    ],
  ];
  for (const [input, says] of refused) {
    assertThrows(
      () => defineTool({ description, input: input as Schema, run }),
      TypeError,
      says,
    );
  }
  assertThrows(
    () =>
      defineTool({
        description,
        input: type({}),
        output: {} as Schema,
        run: run as () => unknown,
      }),
    TypeError,
    "output is no Standard Schema",
  );
});

/** A schema by the interface alone, that gives one result. */
function giving(result: () => unknown): Schema {
  const anything = () => ({ type: "object" });
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: () => result() as { value: unknown },
      jsonSchema: { input: anything, output: anything },
    },
  };
}

Deno.test("what a schema does not clearly let through is refused, and nothing runs", async () => {
  let ran = 0;
  const results: [() => unknown, number][] = [
    [() => ({ issues: [] }), 422],
    [() => ({ issues: [{ message: "no" }], value: 1 }), 422],
    [
      () => ({
        issues: [{ message: "no", path: [{ key: "a" }, 0, Symbol("s")] }],
      }),
      422,
    ],
    [() => undefined, 503],
    [() => null, 503],
    [() => true, 503],
    [() => ({}), 503],
    [() => Promise.resolve({ value: 1 }), 503],
    [() => Promise.reject(new Error("later")), 503],
  ];
  for (const [result, status] of results) {
    const tool = defineTool({
      description,
      input: giving(result),
      run: () => ++ran,
    });
    await withServer(async (server) => {
      const body = signed({ tool: "tool", args: { a: ["x"] } });
      assertEquals((await server.post(body)).status, status);
      const mcp = await call(server, "tool", {});
      assert(mcp.result?.isError || mcp.error, "MCP let it through");
      const causes = server.lines.filter(({ level }) => level === "error");
      assertEquals(causes.length, status === 503 ? 2 : 0);
      for (const { fields } of causes) assert(fields.error instanceof Error);
    }, { tools: { tool }, mcp: { authenticate: "none" } });
  }
  assertEquals(ran, 0);
});

Deno.test("a form and a result may be of any library's schema, too", async () => {
  const form = z.strictObject({
    name: z.string().min(2),
    size: z.enum(["s", "m"]).optional(),
  });
  const question = { message: "Who?", form };
  assertEquals(toJson(question), {
    kind: "form",
    message: "Who?",
    schema: {
      type: "object",
      properties: {
        name: { type: "string", minLength: 2 },
        size: { type: "string", enum: ["s", "m"] },
      },
      required: ["name"],
    },
  });
  const reply = (content: unknown) =>
    readReply(question, { action: "accept", content });
  const content = { name: "Ada" };
  assertEquals(reply({ ...content, other: 1 }), {
    ok: true,
    value: { action: "accept", content },
  });
  assertEquals(reply({ name: "A" }).ok, false);

  const day = z.codec(z.date(), z.iso.date(), {
    decode: (date) => date.toISOString().slice(0, 10),
    encode: (text) => new Date(text),
  });
  const today = defineTool({
    description: "Tells the day",
    input: type({ "wrong?": "boolean" }),
    output: z.strictObject({ day }),
    run: ({ wrong }) => ({ day: (wrong ? "today" : new Date(0)) as Date }),
  });
  await withServer(async ({ post, lines }) => {
    const { answer } = await post(signed({ tool: "today", args: {} }));
    assertEquals(answer.result, { day: "1970-01-01" });
    const args = { wrong: true };
    const { status } = await post(signed({ tool: "today", args }));
    assertEquals(status, 500);
    assertStringIncludes(String(lines[0].fields.error), "day");
  }, { tools: { today } });
});

Deno.test("a message names bound, value and path, whatever the author wrote beside", () => {
  const described: [Schema, Schema][] = [
    [
      type({
        amount: type("number <= 100").describe("the amount"),
        "name?": type("1 <= string <= 3").describe("a nice name"),
        "who?": type("'a' | 'b'").describe("who it is"),
        "mail?": type(/^[a-z]+@[a-z]+$/).describe("a good address"),
      }),
      type({}),
    ],
    [
      z.strictObject({
        amount: z.number("wrong!").max(100, "wrong!").describe("the amount"),
        name: z.string().min(1).max(3, "wrong!").describe("a name").optional(),
        who: z.enum(["a", "b"], "wrong!").optional(),
        mail: z.string().regex(/^[a-z]+@[a-z]+$/, "wrong!").optional(),
      }),
      type({}),
    ],
  ];
  const cases: [Record<string, unknown>, string[]][] = [
    [{ amount: 1e9 }, ["amount", "100", "1000000000"]],
    [{ amount: "x" }, ["amount", "number", "string|x"]],
    [{ amount: 1, name: "abcd" }, ["name", "3", "4|abcd"]],
    [{ amount: 1, who: "c" }, ["who", "a", "b", "c"]],
    [{ amount: 1, mail: "X" }, ["mail", "^[a-z]+@[a-z]+$", "X"]],
  ];
  for (const [schema] of described) {
    for (const [value, parts] of cases) {
      const checked = check(schema, value);
      assert(!checked.ok);
      const [{ message }] = checked.issues;
      for (const part of parts) {
        const isSaid = part.startsWith("^")
          ? message.includes(part)
          : new RegExp(part).test(message);
        assert(isSaid, `"${message}" lacks ${part}`);
      }
    }
  }
});

Deno.test("no message is longer than a line, or ends within a character", () => {
  const long = "😀".repeat(100_000);
  const schemas: Schema[] = Object.values(payments);
  const values = [
    { amount: long },
    { amount: 1, note: long },
    { amount: 1, [long]: 1 },
    { amount: { [long]: long } },
    { amount: 1, rows: [{ id: [long] }] },
    { amount: 1, rows: [{ [`x${long}`]: 1, id: 1 }] },
  ];
  for (const schema of schemas) {
    for (const value of values) {
      const checked = check(schema, value);
      assert(!checked.ok);
      for (const { message, path } of checked.issues) {
        assert(message.length <= 280, `${message.length} characters`);
        assert(message.isWellFormed(), message);
        assert(path.every((step) => String(step).length <= 200));
        assert(path.every((step) => String(step).isWellFormed()));
      }
    }
  }
});

Deno.test("twenty issues are looked for, whatever the library", () => {
  const rows = Array.from({ length: 50 }, () => ({ id: "x" }));
  const extras = Object.fromEntries(rows.map((_, i) => [`extra${i}`, i]));
  for (const schema of Object.values(payments) as Schema[]) {
    for (const value of [{ amount: 1, rows }, { amount: 1, ...extras }]) {
      const checked = check(schema, value);
      assertEquals(checked.ok ? 0 : checked.issues.length, 20);
    }
  }
});
