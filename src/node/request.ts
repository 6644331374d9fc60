/**
 * A `Request` of what `node:http` has read.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";

/** RFC 3986 section 3.2.2, without the names that only a local resolver knows. */
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._~%!$&'()*+,;=-]+)(?::\d{0,5})?$/i;

/**
 * Makes a request; its body is read no faster than the reader asks for it.
 *
 * @param signal Aborted when the caller leaves.
 * @returns `undefined` if it names no URL, or cannot be a `Request`.
 */
export function toRequest(
  incoming: IncomingMessage,
  signal: AbortSignal,
): Request | undefined {
  const url = urlOf(incoming);
  if (url === undefined) return undefined;
  const { method = "GET" } = incoming;
  const hasBody = method !== "GET" && method !== "HEAD";
  // `duplex` is asked for by Node, and unknown to the types of other runtimes.
  const init: RequestInit & { duplex?: "half" } = {
    method,
    headers: headersOf(incoming),
    signal,
    ...hasBody && { body: bodyOf(incoming), duplex: "half" },
  };
  try {
    return new Request(url, init);
  } catch {
    return undefined; // such as CONNECT and TRACE
  }
}

/** RFC 9112 section 3.2: a target is a path, or after a proxy a whole URL. */
function urlOf(incoming: IncomingMessage): string | undefined {
  // Express keeps what it was asked for there when it has cut a mount path off.
  const { originalUrl } = incoming as { originalUrl?: string };
  const target = originalUrl ?? incoming.url ?? "";
  const { host = "" } = incoming.headers;
  if (!HOST.test(host)) return undefined;
  const url = target.startsWith("/") ? `http://${host}${target}` : target;
  return /^https?:\/\//i.test(url) && URL.canParse(url) ? url : undefined;
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    headers.append(rawHeaders[i], rawHeaders[i + 1]);
  }
  return headers;
}

function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  // Its end must not end the connection, over which the answer is still to go.
  const chunks = incoming.iterator({ destroyOnReturn: false });
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) return controller.close();
      controller.enqueue(Uint8Array.from(value as Uint8Array));
    },
    async cancel() {
      await chunks.return?.();
    },
  }, { highWaterMark: 0 });
}
