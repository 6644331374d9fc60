/**
 * Server-sent events out of bytes, as
 * {@link https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream | HTML}
 * has them: lines end with CR, LF or both, and an empty one ends an event.
 *
 * Each byte is looked at once, however they are cut into chunks.
 *
 * @module
 */

import { growingBytes } from "../http/bounded.ts";
import { SignatureError } from "./signature_error.ts";

const LF = 0x0a;
const CR = 0x0d;

/**
 * Takes chunks, and gives the lines of each event that they complete. An event
 * that breaks off is none.
 *
 * @param limit Most bytes of one event.
 */
export function splitEvents(
  limit: number,
): (chunk: Uint8Array) => Generator<string[], void> {
  const decoder = new TextDecoder();
  let begun = growingBytes(limit); // what earlier chunks had of an event
  let size = 0;
  let isEmptyLine = true;
  let isAfterCr = false;

  function take(piece: Uint8Array): void {
    size += piece.length;
    if (!begun.push(piece)) throw new SignatureError("too_large");
  }

  return function* (chunk) {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      const isCrLf = byte === LF && isAfterCr;
      isAfterCr = byte === CR;
      if (isCrLf) {
        if (start === at) start++; // the event ended with its CR
      } else if (byte !== LF && byte !== CR) {
        isEmptyLine = false;
      } else if (!isEmptyLine) {
        isEmptyLine = true;
      } else {
        take(chunk.subarray(start, at));
        start = at + 1;
        if (size === 0) continue;
        yield decoder.decode(begun.bytes()).split(/\r\n|\r|\n/).filter(Boolean);
        begun = growingBytes(limit);
        size = 0;
      }
    }
    take(chunk.subarray(start));
  };
}
