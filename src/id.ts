/**
 * What ids are made of.
 *
 * @module
 */

/** 1 to 128 characters that every key, header and log takes as they are. */
export const ID: RegExp = /^[A-Za-z0-9_.:-]{1,128}$/;

/** Whether a value is an id. What is none may be a misplaced secret: do not quote it. */
export function isId(value: unknown): value is string {
  return typeof value === "string" && ID.test(value);
}
