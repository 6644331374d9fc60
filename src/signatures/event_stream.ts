/**
 * Server-sent events, each under a MAC of its own.
 *
 * A stream has no digest when its head is signed. So every event carries a
 * field `mac: <seq>:<base64>`, the HMAC-SHA-256 under the answer's key of the
 * request's nonce, the event's number (from 1) and the `Content-Digest` of its
 * data, with a line feed between them. Parsers ignore fields they do not know.
 *
 * An end that comes too early shows in MCP itself: the last event of a stream
 * is the response that the client waits for.
 *
 * @module
 */

import { fromBase64, toBase64 } from "../base64.ts";
import { contentDigest } from "./content_digest.ts";
import { splitEvents } from "./event_lines.ts";
import { SignatureError } from "./signature_error.ts";

/** Bytes on their way. */
export type ByteTransform = TransformStream<
  Uint8Array<ArrayBuffer>,
  Uint8Array<ArrayBuffer>
>;

const utf8 = new TextEncoder();

/** Adds its MAC to every event. */
export function signEvents(key: CryptoKey, nonce: string): ByteTransform {
  let seq = 0;
  return mapEvents(Infinity, async (lines) => {
    const event = lines.join("\n");
    const data = fieldOf(lines, "data");
    if (data === undefined) return event;
    const covered = await coveredBytes(nonce, ++seq, data);
    const mac = toBase64(await crypto.subtle.sign("HMAC", key, covered));
    return `${event}\nmac: ${seq}:${mac}`;
  });
}

/**
 * Lets the data of events through whose MAC is right and whose turn it is.
 *
 * Their other fields are left out, because no MAC covers them. At the first
 * event that is wrong the stream fails with a {@linkcode SignatureError}.
 *
 * @param maxBytes Most bytes of one event.
 */
export function verifyEvents(
  key: CryptoKey,
  nonce: string,
  maxBytes: number,
): ByteTransform {
  let seq = 0;
  return mapEvents(maxBytes, async (lines) => {
    const data = fieldOf(lines, "data");
    if (data === undefined) return ":"; // a comment, which keeps proxies awake
    const covered = await coveredBytes(nonce, ++seq, data);
    // The number is told for people: the MAC is of the one whose turn it is.
    const mac = fieldOf(lines, "mac")?.replace(/^\d+:/, "") ?? "";
    if (
      !/^[\dA-Za-z+/]{43}=$/.test(mac) ||
      !await crypto.subtle.verify("HMAC", key, fromBase64(mac), covered)
    ) throw new SignatureError("bad_signature");
    return `event: message\ndata: ${data.replaceAll("\n", "\ndata: ")}`;
  });
}

async function coveredBytes(
  nonce: string,
  seq: number,
  data: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const digest = await contentDigest(utf8.encode(data));
  return utf8.encode(`${nonce}\n${seq}\n${digest}`);
}

/** Maps events one by one, from their lines to their text. */
function mapEvents(
  maxBytes: number,
  map: (lines: string[]) => Promise<string>,
): ByteTransform {
  const split = splitEvents(maxBytes);
  return new TransformStream({
    async transform(chunk, controller) {
      for (const lines of split(chunk)) {
        controller.enqueue(utf8.encode(await map(lines) + "\n\n"));
      }
    },
  });
}

/** A field's lines, joined as a parser joins them. */
function fieldOf(
  lines: readonly string[],
  name: string,
): string | undefined {
  const values = lines
    .filter((line) => line === name || line.startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).replace(/^ /, ""));
  return values.length > 0 ? values.join("\n") : undefined;
}
