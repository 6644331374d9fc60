/** What tools return and throw, as plain data that becomes any JavaScript value. */
import fc from "npm:fast-check@4.10.2";
import { AS_JSON, EITHER, ODD, type Odd } from "./odd_values.ts";
import { TerminalError, ToolError } from "../../mod.ts";
import { type JsonObject, readText, type Value } from "./strict_json.ts";
import { jsonText } from "./json_texts.ts";
import { text } from "./texts.ts";

/** A value, made anew each time. */
export type Recipe =
  | { readonly json: string }
  | { readonly text: string }
  | { readonly odd: Odd }
  | { readonly deep: number }
  | { readonly items: readonly Recipe[] }
  | { readonly members: readonly (readonly [string, Recipe])[] };

/** How a tool ends. */
export type Ending =
  | { readonly returns: Recipe }
  | {
    readonly throws: "an Error" | "a ToolError" | "a TerminalError";
    readonly words: string;
  }
  | { readonly throwsOdd: Odd };

const odd = fc.constantFrom(...Object.keys(ODD) as Odd[])
  .map((odd): Recipe => ({ odd }));

const recipe: fc.Arbitrary<Recipe> = fc.letrec<{ value: Recipe }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small", withCrossShrink: true },
    { weight: 3, arbitrary: jsonText.map((json): Recipe => ({ json })) },
    { weight: 3, arbitrary: text.map((text): Recipe => ({ text })) },
    { weight: 4, arbitrary: odd },
    {
      weight: 1,
      arbitrary: fc.constantFrom(60, 63, 64, 65, 5000)
        .map((deep): Recipe => ({ deep })),
    },
    {
      weight: 2,
      arbitrary: fc.array(tie("value"), { maxLength: 3 })
        .map((items): Recipe => ({ items })),
    },
    {
      weight: 3,
      arbitrary: fc.array(
        fc.tuple(fc.oneof(fc.constantFrom("a", "b", "c"), text), tie("value")),
        { maxLength: 3 },
      ).map((members): Recipe => ({ members })),
    },
  ),
})).value;

export const endings: fc.Arbitrary<Ending> = fc.oneof(
  { weight: 5, arbitrary: recipe.map((returns): Ending => ({ returns })) },
  {
    weight: 2,
    arbitrary: fc.record({
      throws: fc.constantFrom(
        "an Error" as const,
        "a ToolError" as const,
        "a TerminalError" as const,
      ),
      words: text,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...Object.keys(ODD) as Odd[])
      .map((throwsOdd): Ending => ({ throwsOdd })),
  },
);

/** Does what a tool would do. */
export function performEnding(ending: Ending): unknown {
  if ("returns" in ending) return make(ending.returns);
  if ("throwsOdd" in ending) throw ODD[ending.throwsOdd]();
  const { throws, words } = ending;
  if (throws === "an Error") throw new Error(words);
  throw throws === "a ToolError"
    ? new ToolError(words)
    : new TerminalError(words);
}

function make(recipe: Recipe): unknown {
  if ("json" in recipe) return parse(recipe.json);
  if ("text" in recipe) return recipe.text;
  if ("odd" in recipe) return ODD[recipe.odd]();
  if ("items" in recipe) return recipe.items.map(make);
  if ("deep" in recipe) return makeDeep(recipe.deep);
  const made: Record<string, unknown> = {};
  for (const [name, value] of recipe.members) {
    Object.defineProperty(made, name, {
      value: make(value),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return made;
}

function makeDeep(depth: number): unknown {
  let value: unknown = 0;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

/** What must come of an ending. */
export type Wanted =
  | { readonly kind: "json"; readonly value: Value }
  | { readonly kind: "no JSON" }
  | { readonly kind: "either" }
  | { readonly kind: "failure" }
  | { readonly kind: "words"; readonly words: string };

export function wantedOf(ending: Ending): Wanted {
  if ("returns" in ending) {
    const { returns } = ending;
    // A promise is waited for; nothing is sent as null.
    if ("odd" in returns && returns.odd === "undefined") {
      return { kind: "json", value: null };
    }
    if ("odd" in returns && returns.odd === "a promise") {
      return { kind: "json", value: 1 };
    }
    const value = valueOf(returns, 0);
    if (value === "either") return { kind: "either" };
    return value === undefined
      ? { kind: "no JSON" }
      : { kind: "json", value: value.value };
  }
  if ("throws" in ending && ending.throws !== "an Error") {
    return { kind: "words", words: ending.words };
  }
  return { kind: "failure" };
}

/** The value; `undefined` if it is none. Wrapped: it may be a text as well. */
function valueOf(
  recipe: Recipe,
  depth: number,
): { readonly value: Value } | "either" | undefined {
  if ("odd" in recipe) {
    if (EITHER.includes(recipe.odd)) return "either";
    const value = AS_JSON[recipe.odd];
    return value === undefined ? undefined : { value };
  }
  if ("text" in recipe) {
    return recipe.text.isWellFormed() ? { value: recipe.text } : undefined;
  }
  if ("deep" in recipe) {
    // About 64 it depends on what it is wrapped in.
    return recipe.deep + depth > 70 ? undefined : "either";
  }
  if ("json" in recipe) return jsonValueOf(recipe.json);
  if ("items" in recipe) return itemsOf(recipe.items, depth);
  return membersOf(recipe.members, depth);
}

/** As `JSON.parse` has it: what it forgets is gone before a tool sees it. */
function jsonValueOf(
  json: string,
): { readonly value: Value } | "either" | undefined {
  const read = readText(json);
  if (read === undefined) {
    return json.isWellFormed() ? { value: json } : undefined;
  }
  const { problems, value } = read;
  if (problems.has("a lone surrogate") && problems.has("a name twice")) {
    return "either"; // the one may be overwritten by the other
  }
  if (problems.has("no double holds it") && problems.has("a name twice")) {
    return "either";
  }
  if (/\\/.test(json)) return "either"; // names that V8 misreads
  if (problems.has("a lone surrogate") || problems.has("no double holds it")) {
    return undefined;
  }
  return problems.has("deeper than 64") ? "either" : { value };
}

function itemsOf(items: readonly Recipe[], depth: number) {
  const values: Value[] = [];
  let either = false;
  for (const item of items) {
    const value = valueOf(item, depth + 1);
    if (value === undefined) return undefined;
    if (value === "either") either = true;
    else values.push(value.value);
  }
  return either ? "either" as const : { value: values };
}

function membersOf(
  members: readonly (readonly [string, Recipe])[],
  depth: number,
) {
  const value: JsonObject = new Map();
  let either = false;
  // The last of a name counts.
  for (const [name, recipe] of new Map(members)) {
    if ("odd" in recipe && recipe.odd === "undefined") continue; // left out
    const member = valueOf(recipe, depth + 1);
    if (member === undefined || !name.isWellFormed()) return undefined;
    if (member === "either") either = true;
    else value.set(name, member.value);
  }
  return either ? "either" as const : { value };
}
