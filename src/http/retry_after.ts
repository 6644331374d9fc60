/**
 * `Retry-After`, RFC 9110 section 10.2.3.
 *
 * @module
 */

import type { CountersignError } from "../errors.ts";

/** Writes when it is worth trying again, in whole seconds, where that is known. */
export function retryAfterHeader(
  { retryAfterMs }: Pick<CountersignError, "retryAfterMs">,
): Record<string, string> {
  if (retryAfterMs === undefined) return {};
  return { "retry-after": String(Math.ceil(retryAfterMs / 1000)) };
}
