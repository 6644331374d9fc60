/**
 * Writing a `Response` with `node:http`.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";

/** How long a caller may go on sending what nobody reads. */
const LINGER_MS = 500;

/** Writes a response, no faster than the caller takes it. */
export async function writeTo(
  outgoing: ServerResponse,
  response: Response,
  incoming: IncomingMessage,
): Promise<void> {
  const { status, statusText, body } = response;
  if (!incoming.complete) leaveUnread(outgoing, incoming);
  for (const [name, value] of response.headers) {
    if (name !== "set-cookie") outgoing.setHeader(name, value);
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader("set-cookie", cookies);
  if (statusText) outgoing.statusMessage = statusText;
  outgoing.statusCode = status;
  if (body === null || incoming.method === "HEAD") {
    await body?.cancel();
    outgoing.end();
    return;
  }
  outgoing.flushHeaders(); // a stream's first event may be long in coming
  await pour(body, outgoing);
}

/** Pours a stream out, and cancels it when the caller leaves. */
async function pour(
  body: ReadableStream<Uint8Array>,
  outgoing: ServerResponse,
): Promise<void> {
  const reader = body.getReader();
  const leave = () => void reader.cancel().catch(() => {});
  outgoing.once("close", leave);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (!outgoing.write(value)) await isDrained(outgoing);
    }
    outgoing.removeListener("close", leave);
    outgoing.end();
  } catch {
    outgoing.destroy(); // cut short, and seen to be
  }
}

function isDrained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (outgoing.destroyed) return resolve();
    const go = () => {
      outgoing.removeListener("drain", go);
      outgoing.removeListener("close", go);
      resolve();
    };
    outgoing.once("drain", go);
    outgoing.once("close", go);
  });
}

/**
 * RFC 9112 section 9.6: the connection of a body that is not read ends with the
 * answer, but not at once, or the caller might never see it.
 */
function leaveUnread(
  outgoing: ServerResponse,
  incoming: IncomingMessage,
): void {
  outgoing.shouldKeepAlive = false;
  outgoing.once("finish", () => {
    if (incoming.complete) return;
    incoming.resume();
    const timer = setTimeout(() => incoming.destroy(), LINGER_MS);
    incoming.once("close", () => clearTimeout(timer));
  });
}
