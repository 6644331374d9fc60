/**
 * Where a value is not JSON, for whoever has to mend it.
 *
 * @module
 */

import { MAX_DEPTH } from "./canonical_json.ts";

/**
 * Names the first place that `canonicalJson` would refuse, and what stands
 * there: `$.at is a Date`.
 */
export function jsonProblem(
  value: unknown,
  path = "$",
  depth = 0,
): string | undefined {
  switch (typeof value) {
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : `${path} is ${value}`;
    case "string":
      return value.isWellFormed()
        ? undefined
        : `${path} is a string with a lone surrogate`;
    case "object":
      break;
    default:
      return value === undefined
        ? `${path} is undefined`
        : `${path} is a ${typeof value}`;
  }
  if (value === null) return undefined;
  if (depth >= MAX_DEPTH) return `${path} nests deeper than ${MAX_DEPTH}`;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const problem = jsonProblem(value[i], `${path}[${i}]`, depth + 1);
      if (problem) return problem;
    }
    return "toJSON" in value ? `${path} is an array with toJSON` : undefined;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    return `${path} is a ${prototype.constructor?.name || "class instance"}`;
  }
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const at = `${path}${memberText(name)}`;
    if (!name.isWellFormed()) return `${at} has a lone surrogate in its name`;
    const problem = jsonProblem(member, at, depth + 1);
    if (problem) return problem;
  }
}

/** A member as JavaScript would write it; names may be long. */
function memberText(name: string): string {
  return /^[A-Za-z_$][\w$]{0,63}$/.test(name)
    ? `.${name}`
    : `[${JSON.stringify(name.slice(0, 64).toWellFormed())}]`;
}
