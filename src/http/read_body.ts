/**
 * Reads a request's body, once, no further than it may go and no longer.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import { readBounded, type ReadLimits } from "./bounded.ts";

/** A content coding that nobody undoes here. */
export class CodingError extends CountersignError {}

/**
 * Reads the body of a JSON request.
 *
 * @param what What the body is, for who must mend it: `the envelope`.
 * @throws {CountersignError} `unsupported_media_type`, `payload_too_large` or `malformed`
 */
export async function readBody(
  request: Request,
  what: string,
  limits: ReadLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  const { headers, body } = request;
  const { limit, timeoutMs } = limits;
  const type = headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new CountersignError(
      "unsupported_media_type",
      `Send ${what} as content-type: application/json`,
    );
  }
  const coding = headers.get("content-encoding")?.trim() || "identity";
  if (!/^identity$/i.test(coding)) {
    throw new CodingError(
      "unsupported_media_type",
      `Send ${what} without content-encoding`,
    );
  }
  // What the header claims spares reading; it is never trusted to be small.
  if (Number(headers.get("content-length") ?? 0) > limit) {
    throw tooLarge(limit);
  }
  const read = await readBounded(body, limits);
  switch (read.kind) {
    case "read":
      return read.bytes;
    case "too large":
      throw tooLarge(limit);
    case "too slow":
      throw new CountersignError(
        "malformed",
        `The body did not end within ${timeoutMs} ms`,
      );
    case "broken":
      throw new CountersignError("malformed", "The body broke off", {
        cause: read.cause,
      });
  }
}

function tooLarge(limit: number): CountersignError {
  return new CountersignError(
    "payload_too_large",
    `The body has more than ${limit} bytes`,
  );
}
