/**
 * Reads a request's body, once and no further than it may go.
 *
 * @module
 */

import { concat } from "../bytes.ts";
import { CountersignError } from "../errors.ts";

/**
 * Reads the body of a JSON request.
 *
 * @param limit Most bytes to take.
 * @throws {CountersignError} `unsupported_media_type` or `payload_too_large`
 */
export async function readBody(
  request: Request,
  limit: number,
): Promise<Uint8Array> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new CountersignError(
      "unsupported_media_type",
      "Send the envelope as content-type: application/json",
    );
  }
  // What the header claims spares reading; it is never trusted to be small.
  if (Number(request.headers.get("content-length") ?? 0) > limit) {
    throw tooLarge(limit);
  }
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > limit) throw tooLarge(limit);
      chunks.push(value);
    }
  } catch (cause) {
    await reader.cancel().catch(() => {});
    if (cause instanceof CountersignError) throw cause;
    throw new CountersignError("malformed", "The body broke off", { cause });
  }
  return chunks.length === 1 ? chunks[0] : concat(chunks);
}

function tooLarge(limit: number): CountersignError {
  return new CountersignError(
    "payload_too_large",
    `The body has more than ${limit} bytes`,
  );
}
