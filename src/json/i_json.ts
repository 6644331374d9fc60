/**
 * I-JSON texts, {@link https://www.rfc-editor.org/rfc/rfc7493 | RFC 7493}: JSON
 * in UTF-8 whose objects name no member twice.
 *
 * @module
 */

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Decodes UTF-8, refusing what is not.
 *
 * @throws {TypeError} If the bytes are not UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Finds a name that some object of a JSON text has twice (RFC 7493 section 2.3).
 *
 * `JSON.parse` keeps the last of the two and other parsers the first, so a
 * signature over what was parsed would not say what the sender's text says.
 *
 * @param text What `JSON.parse` has already accepted.
 */
export function duplicateName(text: string): string | undefined {
  const open: (Set<string> | "array")[] = [];
  let atName = false;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case "{":
        open.push(new Set());
        atName = true;
        break;
      case "[":
        open.push("array");
        atName = false;
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case ",":
        atName = open.at(-1) !== "array";
        break;
      case ":":
        atName = false;
        break;
      case '"': {
        const start = at;
        at = closingQuote(text, start);
        const names = open.at(-1);
        if (!atName || !(names instanceof Set)) break;
        // Names are equal once unescaped: "a" is "\u0061".
        const name = JSON.parse(text.slice(start, at + 1)) as string;
        if (names.has(name)) return name;
        names.add(name);
      }
    }
  }
}

function closingQuote(text: string, start: number): number {
  for (let at = start + 1;; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at;
  }
}
