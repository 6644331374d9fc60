/**
 * Says where in a JSON text something stands.
 *
 * @module
 */

import { writePath } from "./path.ts";
import { closingQuote, unescapeString } from "./tokens.ts";

/** Where in arrays and objects a position is: `args.rows[3].id`. */
export function pathAt(text: string, position: number): string {
  /** At each level, the name or the index of what stands there. */
  const path: (string | number)[] = [];
  let atName = false;
  for (let at = 0; at < position; at++) {
    switch (text[at]) {
      case "{":
        path.push("");
        atName = true;
        break;
      case "[":
        path.push(0);
        atName = false;
        break;
      case "}":
      case "]":
        path.pop();
        break;
      case ",": {
        const last = path.pop();
        path.push(typeof last === "number" ? last + 1 : "");
        atName = typeof last !== "number";
        break;
      }
      case ":":
        atName = false;
        break;
      case '"': {
        const start = at;
        at = closingQuote(text, start);
        if (!atName || at < 0) break;
        path.pop();
        path.push(unescapeString(text.slice(start, at + 1)) ?? "");
      }
    }
    if (at < 0) break;
  }
  return writePath(path) || "The body";
}
