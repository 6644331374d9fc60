/**
 * Whether a schema refuses what it does not name, at every level.
 *
 * Asked of its JSON Schema when a tool is defined: the libraries differ in what
 * they let through by default, and most let anything.
 *
 * @module
 */

import { isObject } from "../json/i_json.ts";
import { type JsonSchema, resolve } from "./json_schema.ts";

/** Keywords with one schema, with a list of them, and with schemas by name. */
const ONE = [
  "items",
  "contains",
  "additionalProperties",
  "unevaluatedProperties",
  "unevaluatedItems",
  "if",
  "then",
  "else",
];
const SEVERAL = ["prefixItems", "anyOf", "oneOf", "allOf"];
const NAMED = ["properties", "patternProperties", "dependentSchemas"];

/**
 * Finds an object that names members and lets others through without saying so.
 *
 * One that says `additionalProperties` means it, whatever it says; so does one
 * that names no member at all.
 *
 * @returns Where it is: `$.rows[]`.
 */
export function findOpen(root: JsonSchema): string | undefined {
  const seen = new Set<unknown>();

  function find(
    schema: unknown,
    path: string,
    isClosedAround: boolean,
  ): string | undefined {
    const found = resolve(schema, root);
    if (!isObject(found) || seen.has(found)) return undefined;
    seen.add(found);
    const names = "properties" in found || "patternProperties" in found;
    const isClosed = isClosedAround || "additionalProperties" in found ||
      "unevaluatedProperties" in found;
    if (names && !isClosed) return path;
    for (const [below, where, isSame] of children(found)) {
      const open = find(
        below,
        path + where,
        // A branch needs to close nothing that is closed beside it.
        isSame && isClosed,
      );
      if (open !== undefined) return open;
    }
  }

  return find(root, "$", false);
}

/** The schemas within one: where they are, and whether of the same value. */
function* children(
  schema: JsonSchema,
): Generator<[schema: unknown, where: string, isSame: boolean]> {
  for (const keyword of ONE) {
    if (!(keyword in schema)) continue;
    const isSame = ["if", "then", "else"].includes(keyword);
    const where = isSame ? "" : /items|contains/i.test(keyword) ? "[]" : ".*";
    yield [schema[keyword], where, isSame];
  }
  for (const keyword of SEVERAL) {
    const list = schema[keyword];
    if (!Array.isArray(list)) continue;
    const isSame = keyword !== "prefixItems";
    for (const one of list) yield [one, isSame ? "" : "[]", isSame];
  }
  for (const keyword of NAMED) {
    const named = schema[keyword];
    if (!isObject(named)) continue;
    for (const [name, one] of Object.entries(named)) {
      const isSame = keyword === "dependentSchemas";
      yield [one, isSame ? "" : `.${name}`, isSame];
    }
  }
}

/** Choices within choices, before a schema is taken for a circle. */
const MOST_LEVELS = 16;

/** Whether a schema takes objects and nothing else. */
export function takesOnlyObjects(
  schema: unknown,
  root: JsonSchema,
  depth = 0,
): boolean {
  const found = resolve(schema, root);
  if (!isObject(found) || depth > MOST_LEVELS) return false;
  if (found.type !== undefined) return found.type === "object";
  const { anyOf, oneOf, allOf } = found;
  const every = anyOf ?? oneOf;
  if (Array.isArray(every) && every.length > 0) {
    return every.every((one) => takesOnlyObjects(one, root, depth + 1));
  }
  return Array.isArray(allOf) &&
    allOf.some((one) => takesOnlyObjects(one, root, depth + 1));
}
