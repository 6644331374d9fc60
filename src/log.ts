/**
 * The server's log.
 *
 * @module
 */

/** Takes a line of the log; `fields.error` may be an error with a cause. */
export type Log = (
  level: "info" | "warn" | "error",
  message: string,
  fields: Record<string, unknown>,
) => void;

/** Writes the log to the console, an object a line. */
export const consoleLog: Log = (level, message, { error, ...fields }) => {
  console[level](JSON.stringify({ level, message, ...fields }));
  if (error !== undefined) console[level](error);
};
