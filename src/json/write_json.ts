/**
 * Writes JSON that every parser takes.
 *
 * @module
 */

/** What `JSON.stringify` writes for a lone surrogate; or a backslash before `ud…`. */
const LONE_SURROGATE = /\\(?:\\|u[dD][89a-fA-F][0-9a-fA-F]{2})/g;

/**
 * Writes a value as `JSON.stringify` does, with U+FFFD for each half of a
 * character: some clients never answer to a text that has one.
 */
export function writeJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!text.includes("\\ud")) return text;
  return text.replace(
    LONE_SURROGATE,
    (escape) => escape === "\\\\" ? escape : "\ufffd",
  );
}
