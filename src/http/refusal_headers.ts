/**
 * What a refusal says in HTTP's own headers.
 *
 * @module
 */

import type { CountersignError } from "../errors.ts";
import { CodingError } from "./read_body.ts";

/** Writes what a client can do about an error. */
export function refusalHeaders(
  error: CountersignError,
): Record<string, string> {
  const { code, retryAfterMs } = error;
  const headers: Record<string, string> = {};
  if (retryAfterMs !== undefined) { // RFC 9110 section 10.2.3
    headers["retry-after"] = String(Math.ceil(retryAfterMs / 1000));
  }
  // RFC 9110 sections 12.5.3 and 15.5.16: either tells which of the two it was.
  if (error instanceof CodingError) headers["accept-encoding"] = "identity";
  else if (code === "unsupported_media_type") {
    headers["accept-post"] = "application/json";
  }
  return headers;
}
