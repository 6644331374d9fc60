/**
 * Says where in a value stands what JSON cannot carry.
 *
 * The rules are those of `canonical_json.ts`, which refuses the same values but
 * does not say where: it is what every answer passes, and this is for the few
 * that do not.
 *
 * @module
 */

import { MAX_DEPTH } from "./canonical_json.ts";
import { writePath } from "./path.ts";

/** Something that is not JSON, and where in the value it stands. */
export interface NotJson {
  /** From the root: `$.rows[3].at`. */
  readonly path: string;
  /** What stands there: `a Date`. */
  readonly what: string;
}

/**
 * Finds the first part of a value that is not JSON.
 *
 * Members that are `undefined` are left out, as in JSON; a value that is
 * `undefined` as a whole is none.
 */
export function findNotJson(value: unknown): NotJson | undefined {
  const steps: (string | number)[] = []; // from the inside out
  const what = find(value, 0, steps);
  if (what === undefined) return undefined;
  const path = writePath(["$", ...steps.reverse()]);
  return { path, what };
}

/**
 * Refuses what is not JSON.
 *
 * @param name What the value is, as the sentence begins: `The result`.
 * @throws {TypeError} With the path of what is not.
 */
export function refuseNotJson(value: unknown, name: string): void {
  if (findNotJson(value)) throw new TypeError(sayNotJson(value, name));
}

/** Says that a value is not JSON, and where it is not. */
export function sayNotJson(value: unknown, name: string): string {
  const found = findNotJson(value);
  const where = found ? `: ${found.path} is ${found.what}` : "";
  return `${name} is not JSON${where}`;
}

function find(
  value: unknown,
  depth: number,
  steps: (string | number)[],
): string | undefined {
  switch (typeof value) {
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : String(value);
    case "string":
      return value.isWellFormed()
        ? undefined
        : "a string with a lone surrogate";
    case "object":
      if (value === null) return undefined;
      if (depth >= MAX_DEPTH) return `nested deeper than ${MAX_DEPTH}`;
      try {
        return Array.isArray(value)
          ? findInArray(value, depth, steps)
          : findInObject(value as Record<string, unknown>, depth, steps);
      } catch {
        return "an object that throws when it is read"; // a getter, or a proxy
      }
    case "undefined":
      return "undefined";
    default:
      return `a ${typeof value}`;
  }
}

function findInArray(
  array: readonly unknown[],
  depth: number,
  steps: (string | number)[],
): string | undefined {
  if ("toJSON" in array) return "an array with toJSON";
  for (let i = 0; i < array.length; i++) {
    const what = find(array[i], depth + 1, steps);
    if (what === undefined) continue;
    steps.push(i);
    return what;
  }
}

function findInObject(
  object: Readonly<Record<string, unknown>>,
  depth: number,
  steps: (string | number)[],
): string | undefined {
  const prototype = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) {
    return `a ${prototype.constructor?.name || "class instance"}`;
  }
  for (const name of Object.keys(object)) {
    const member = object[name];
    if (member === undefined) continue;
    const what = name.isWellFormed()
      ? find(member, depth + 1, steps)
      : "a name with a lone surrogate";
    if (what === undefined) continue;
    steps.push(name);
    return what;
  }
}
