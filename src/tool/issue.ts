/**
 * One thing that is wrong with a value, in words that help: where, what stands
 * there, and what it should be, whatever the schema's author wrote beside.
 *
 * @module
 */

import type { Issue } from "../errors.ts";
import { isObject } from "../json/i_json.ts";
import { writePath } from "../json/path.ts";
import { cut } from "../text.ts";
import { briefly } from "./brief.ts";
import { inputSchema, resolve } from "./json_schema.ts";
import type { Schema, StandardIssue } from "./standard_schema.ts";

const LONGEST_MESSAGE = 200;
const LONGEST_BOUND = 80;
const LONGEST_NAME = 128;

/** Writes an issue of any library as one of ours. */
export function tellIssue(
  issue: StandardIssue & { readonly input?: { actual?: string } },
  root: unknown,
  schema: Schema,
): Issue {
  const path = Array.from(issue.path ?? [], stepOf);
  const value = valueAt(root, path);
  // ArkType prints a refused object as a whole; this member of its issues,
  // where it is set, is what it says in place of that.
  if (typeof value === "object" && isObject(issue.input)) {
    issue.input.actual ??= briefly(value);
  }
  let message = cut(String(issue.message), 2 * LONGEST_MESSAGE);
  const where = writePath(path);
  if (!message.includes(String(path.at(-1) ?? ""))) {
    message = `${where}: ${message}`;
  }
  if (schema["~standard"].vendor !== "arktype") {
    message = `${cut(message, LONGEST_MESSAGE - 70)} (was ${briefly(value)})`;
  }
  const bounds = missingBounds(boundsAt(schema, path), message);
  return {
    path,
    message: cut(message, LONGEST_MESSAGE - bounds.length) + bounds,
  };
}

function stepOf(
  step: PropertyKey | { readonly key: PropertyKey },
): string | number {
  const key = typeof step === "object" ? step.key : step;
  return typeof key === "number" ? key : cut(String(key), LONGEST_NAME);
}

function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.hasOwn(value, step)
      ? (value as Record<string | number, unknown>)[step]
      : undefined;
  }
  return value;
}

/** Keywords that set a bound, and that an author's own words may hide. */
const BOUNDS = [
  "type",
  "const",
  "enum",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "pattern",
];

/** What the JSON Schema says of a place that is described in its author's words. */
function boundsAt(
  schema: Schema,
  path: readonly (string | number)[],
): [keyword: string, bound: unknown][] {
  const root = inputSchema(schema);
  let at = resolve(root, root);
  for (const step of path) {
    if (!isObject(at)) return [];
    const { properties, items } = at;
    at = resolve(
      typeof step === "number"
        ? items
        : isObject(properties) && Object.hasOwn(properties, step)
        ? properties[step]
        : undefined,
      root,
    );
  }
  if (!isObject(at)) return [];
  const { description, anyOf } = at;
  if (schema["~standard"].vendor === "arktype" && description === undefined) {
    return []; // it names its bounds itself
  }
  const choices = Array.isArray(anyOf) ? anyOf.filter(isObject) : [at];
  return choices.flatMap((one) =>
    BOUNDS.filter((keyword) => keyword in one).map((
      keyword,
    ): [string, unknown] => [keyword, one[keyword]])
  );
}

function missingBounds(
  bounds: readonly [keyword: string, bound: unknown][],
  message: string,
): string {
  const missing = bounds.filter(([, bound]) =>
    !message.includes(String(bound))
  );
  if (missing.length === 0) return "";
  const words = missing.map(([keyword, bound]) =>
    keyword === "type" ? String(bound) : `${keyword} ${JSON.stringify(bound)}`
  );
  return ` [${cut(words.join(", "), LONGEST_BOUND)}]`;
}
