/**
 * Values as a sentence names them: never longer than a line.
 *
 * @module
 */

import { cut } from "../text.ts";

const LONGEST_VALUE = 60;

/** A value in few words: itself if it is short, else of which kind it is. */
export function briefly(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length > LONGEST_VALUE
        ? `${JSON.stringify(cut(value, LONGEST_VALUE))}…`
        : JSON.stringify(cut(value));
    case "object":
      if (value === null) return "null";
      return Array.isArray(value) ? "an array" : "an object";
    case "undefined":
      return "missing";
    case "function":
    case "symbol":
      return `a ${typeof value}`;
    default:
      return cut(String(value), LONGEST_VALUE);
  }
}
