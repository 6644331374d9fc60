/**
 * The ends of strings and numbers in a JSON text.
 *
 * @module
 */

const BACKSLASH = 0x5c;

/** The closing quotation mark of the string that begins at `start`; -1 if none does. */
export function closingQuote(text: string, start: number): number {
  for (let at = start;;) {
    at = text.indexOf('"', at + 1);
    if (at < 0 || text.charCodeAt(at - 1) !== BACKSLASH) return at;
    let first = at - 1;
    while (text.charCodeAt(first - 1) === BACKSLASH) first--;
    if ((at - first) % 2 === 0) return at;
  }
}

/** Where the number ends that begins at `start`. */
export function numberEnd(text: string, start: number): number {
  let at = start + 1;
  while (isOfNumber(text.charCodeAt(at))) at++;
  return at;
}

/** Whether a number may begin so. */
export function beginsNumber(unit: number): boolean {
  return unit <= 0x39 && unit >= 0x30 || unit === 0x2d;
}

/** The string that a literal stands for; `undefined` if it is no JSON. */
export function unescapeString(literal: string): string | undefined {
  try {
    return JSON.parse(literal);
  } catch {
    return undefined; // whoever parses the text as a whole says so
  }
}

/** Of `0123456789+-.eE`. */
function isOfNumber(unit: number): boolean {
  return unit <= 0x39 && unit >= 0x2b && unit !== 0x2c && unit !== 0x2f ||
    unit === 0x65 || unit === 0x45;
}
