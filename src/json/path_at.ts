/**
 * Says where in a JSON text something stands.
 *
 * @module
 */

import { writePath } from "./path.ts";
import { closingQuote, unescapeString } from "./tokens.ts";

/** Where in arrays and objects a position is: `args.rows[3].id`. */
export function pathAt(text: string, position: number): string {
  /** At each level, how many items came before; -1 in objects. */
  const counts: number[] = [];
  /** At each level of an object, where its last name begins. */
  const names: number[] = [];
  let level = -1;
  let atName = false;
  for (let at = 0; at < position && at >= 0; at++) {
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
        counts[++level] = -1;
        names[level] = at;
        atName = true;
        break;
      case 0x5b: // [
        counts[++level] = 0;
        atName = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        level--;
        break;
      case 0x2c: // ,
        if (counts[level] < 0) atName = true;
        else counts[level]++;
        break;
      case 0x3a: // :
        atName = false;
        break;
      case 0x22: // "
        if (atName) names[level] = at;
        at = closingQuote(text, at);
        if (at < 0) at = text.length;
    }
  }
  const path = counts.slice(0, level + 1).map((count, level) =>
    count < 0 ? nameAt(text, names[level]) : count
  );
  return writePath(path) || "The body";
}

function nameAt(text: string, start: number): string {
  const literal = text.slice(start, closingQuote(text, start) + 1);
  return unescapeString(literal) ?? "";
}
