/**
 * The server's log.
 *
 * @module
 */

import { cut } from "./text.ts";

/** Takes a line of the log; `fields.error` may be an error with a cause. */
export type Log = (
  level: "info" | "warn" | "error",
  message: string,
  fields: Record<string, unknown>,
) => void;

/** Writes the log to the console, an object a line. */
export const consoleLog: Log = (level, message, { error, ...fields }) => {
  console[level](JSON.stringify({ level, message, ...fields }, writeAny));
  if (error !== undefined) console[level](error);
};

const LONGEST_TEXT = 2000;

/**
 * Makes a log that takes any text, and never throws: what is to be logged must
 * not keep a call from its answer.
 *
 * Messages and fields are cut to 2,000 characters, between whole ones.
 */
export function carefulLog(log: Log): Log {
  return (level, message, fields) => {
    try {
      const { error, ...rest } = fields ?? {};
      const texts = Object.fromEntries(
        Object.entries(rest).map(([name, field]) => [
          cut(name, LONGEST_TEXT),
          typeof field === "string" ? cut(field, LONGEST_TEXT) : field,
        ]),
      );
      log(level, cut(String(message), LONGEST_TEXT), {
        ...texts,
        ...error !== undefined && { error },
      });
    } catch (thrown) {
      console.error("The log failed:", thrown);
    }
  };
}

/** What JSON has no word for, as a text. */
function writeAny(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}
