/**
 * Text for people and models, made fit to be sent.
 *
 * What JSON carries must be well-formed Unicode (RFC 8785 section 3.2.2.2, RFC
 * 7493 section 2.1), and half an emoji is not: a text that was cut within a
 * surrogate pair would break the answer that it stands in.
 *
 * @module
 */

/**
 * Cuts a text to at most `most` UTF-16 units, between whole characters.
 *
 * What was not well-formed before becomes U+FFFD.
 */
export function cut(text: string, most = Infinity): string {
  if (text.length <= most) return text.toWellFormed();
  const splitsPair = isHigh(text.charCodeAt(most - 1)) &&
    isLow(text.charCodeAt(most));
  return text.slice(0, splitsPair ? most - 1 : most).toWellFormed();
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
