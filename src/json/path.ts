/**
 * Paths into JSON values, as sentences name them.
 *
 * @module
 */

import { cut } from "../text.ts";

const LONGEST_NAME = 64;
const LONGEST_PATH = 200;

/** Writes a path: `rows[3].at`; the empty one is the empty text. */
export function writePath(path: readonly (string | number)[]): string {
  const steps = path.map((step, i) => {
    if (typeof step === "number") return `[${step}]`;
    if (!/^[A-Za-z_$][\w$]*$/.test(step)) {
      return `[${JSON.stringify(cut(step, LONGEST_NAME))}]`;
    }
    return `${i > 0 ? "." : ""}${cut(step, LONGEST_NAME)}`;
  });
  return cut(steps.join(""), LONGEST_PATH);
}
