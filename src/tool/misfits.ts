/**
 * Where a value does not fit a JSON Schema, up to the first few places.
 *
 * Libraries collect every fault of a value, at microseconds each: this goes
 * before them, so that refusing costs no more than accepting. It knows the
 * keywords of which a value can break thousands, and takes what it does not
 * know for fulfilled; the library has the last word.
 *
 * @module
 */

import type { Issue } from "../errors.ts";
import { isObject } from "../json/i_json.ts";
import { writePath } from "../json/path.ts";
import { cut } from "../text.ts";
import { briefly } from "./brief.ts";
import { type JsonSchema, resolve } from "./json_schema.ts";

type Path = readonly (string | number)[];

/** Finds places where a value does not fit, `most` of them at the most. */
export function findMisfits(
  root: JsonSchema,
  value: unknown,
  most: number,
): Issue[] {
  const search: Search = { root, most, found: [] };
  visit(root, value, [], search);
  return search.found.map(({ path, wanted, value }) => {
    const where = path.length > 0 ? `${writePath(path)} ` : "";
    const was = wanted === REMOVED ? "" : ` (was ${briefly(value)})`;
    const steps = path.map((step) =>
      typeof step === "number" ? step : cut(step, LONGEST)
    );
    return { path: steps, message: `${where}must ${wanted}${was}` };
  });
}

/** A place where a value does not fit, and what it should do. */
interface Misfit {
  readonly path: Path;
  readonly wanted: string;
  readonly value: unknown;
}

interface Search {
  readonly root: JsonSchema;
  readonly most: number;
  readonly found: Misfit[];
}

const REMOVED = "be removed";
const LONGEST = 120;

function visit(
  schema: unknown,
  value: unknown,
  path: Path,
  search: Search,
): void {
  if (isOver(search)) return;
  const found = resolve(schema, search.root);
  if (found === false) {
    search.found.push({ path, wanted: REMOVED, value });
    return;
  }
  if (!isObject(found)) return;
  const wanted = mismatch(found, value);
  if (wanted !== undefined) {
    search.found.push({ path, wanted, value });
    return;
  }
  if (Array.isArray(value)) visitItems(found, value, path, search);
  else if (isObject(value)) visitMembers(found, value, path, search);
  const { allOf, anyOf, oneOf } = found;
  if (Array.isArray(allOf)) {
    for (const one of allOf) visit(one, value, path, search);
  }
  for (const choices of [anyOf, oneOf]) {
    if (Array.isArray(choices)) visitChoices(choices, value, path, search);
  }
}

function visitItems(
  { prefixItems, items }: JsonSchema,
  value: readonly unknown[],
  path: Path,
  search: Search,
): void {
  const first = Array.isArray(prefixItems) ? prefixItems : [];
  for (let i = 0; i < value.length; i++) {
    if (isOver(search)) return;
    const schema = i < first.length ? first[i] : items;
    // Long arrays are mostly of numbers, texts or truth: those need no path.
    if (isPlain(schema, value[i])) continue;
    visit(schema, value[i], [...path, i], search);
  }
}

function visitMembers(
  schema: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  path: Path,
  search: Search,
): void {
  const { properties, patternProperties, additionalProperties } = schema;
  const known = isObject(properties) ? properties : {};
  for (const name of Array.isArray(schema.required) ? schema.required : []) {
    if (Object.hasOwn(value, name)) continue;
    if (isOver(search)) return;
    const member = resolve(known[name], search.root);
    const wanted = isObject(member) && mismatch(member, undefined) ||
      "be there";
    search.found.push({ path: [...path, name], wanted, value: undefined });
  }
  for (const name of Object.keys(value)) {
    if (isOver(search)) return;
    const below = Object.hasOwn(known, name)
      ? known[name]
      : patternProperties === undefined
      ? additionalProperties
      : undefined; // which of the patterns it matches, the library knows
    if (!isPlain(below, value[name])) {
      visit(below, value[name], [...path, name], search);
    }
  }
}

/** One choice must fit; where only one is of the value's kind, its faults are told. */
function visitChoices(
  choices: readonly unknown[],
  value: unknown,
  path: Path,
  search: Search,
): void {
  const { root } = search;
  const most = search.most - search.found.length;
  if (most <= 0) return;
  const tried = choices.map((choice) => {
    const one: Search = { root, most, found: [] };
    visit(choice, value, path, one);
    return one.found;
  });
  if (tried.some((found) => found.length === 0)) return;
  const near = tried.filter(([first]) => first.path.length > path.length);
  if (near.length === 1) {
    search.found.push(...near[0]);
    return;
  }
  const firsts = (near.length > 0 ? near : tried).map(([first]) => first);
  const [first] = firsts;
  const isOnePlace = firsts.every((one) =>
    writePath(one.path) === writePath(first.path)
  );
  if (!isOnePlace) {
    search.found.push({ path, wanted: "be one of its choices", value });
    return;
  }
  const wanted = [...new Set(firsts.map((one) => one.wanted))];
  search.found.push({
    ...first,
    wanted: cut(wanted.join(" or ").replaceAll(" or be ", " or "), LONGEST),
  });
}

function isOver({ found, most }: Search): boolean {
  return found.length >= most;
}

/** Whether a value is of the one type that a schema asks for, and no more. */
function isPlain(schema: unknown, value: unknown): boolean {
  if (schema === undefined || schema === true) return true;
  if (!isObject(schema) || typeof value === "object") return false;
  for (const keyword in schema) {
    if (keyword !== "type" && !ANNOTATIONS.has(keyword)) return false;
  }
  return isOfType(value, schema.type);
}

const ANNOTATIONS = new Set(["description", "title", "default", "examples"]);

/** What a value should be, as far as it is not: `be a number`. */
function mismatch(schema: JsonSchema, value: unknown): string | undefined {
  if ("const" in schema && isScalar(schema.const) && schema.const !== value) {
    return `be ${briefly(schema.const)}`;
  }
  const { enum: words, type } = schema;
  if (
    Array.isArray(words) && words.every(isScalar) && !words.includes(value)
  ) return `be one of ${words.slice(0, 10).map(briefly).join(", ")}`;
  const types = Array.isArray(type) ? type : type === undefined ? [] : [type];
  if (types.length > 0 && !types.some((one) => isOfType(value, one))) {
    return `be ${types.map(article).join(" or ")}`;
  }
  if (typeof value === "number") return numberMismatch(schema, value);
  if (typeof value === "string") {
    if (!("minLength" in schema || "maxLength" in schema)) return undefined;
    // Libraries count UTF-16 units, the standard characters: either is enough.
    const lengths = [value.length, Array.from(value).length];
    return lengthMismatch(schema, "Length", lengths, "characters");
  }
  if (Array.isArray(value)) {
    return lengthMismatch(schema, "Items", [value.length], "items");
  }
}

function numberMismatch(
  schema: JsonSchema,
  value: number,
): string | undefined {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (isNumber(minimum) && value < minimum) return `be at least ${minimum}`;
  if (isNumber(maximum) && value > maximum) return `be at most ${maximum}`;
  if (isNumber(exclusiveMinimum) && value <= exclusiveMinimum) {
    return `be more than ${exclusiveMinimum}`;
  }
  if (isNumber(exclusiveMaximum) && value >= exclusiveMaximum) {
    return `be less than ${exclusiveMaximum}`;
  }
}

function lengthMismatch(
  schema: JsonSchema,
  keyword: "Length" | "Items",
  lengths: readonly number[],
  unit: string,
): string | undefined {
  const least = schema[`min${keyword}`];
  const most = schema[`max${keyword}`];
  if (isNumber(least) && lengths.every((length) => length < least)) {
    return `have at least ${least} ${unit}`;
  }
  if (isNumber(most) && lengths.every((length) => length > most)) {
    return `have at most ${most} ${unit}`;
  }
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "string":
      return typeof value === "string";
    case "number":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
    default:
      return true;
  }
}

function article(type: unknown): string {
  if (type === "null") return "null";
  return /^[aeiou]/.test(String(type)) ? `an ${type}` : `a ${type}`;
}

function isScalar(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}
