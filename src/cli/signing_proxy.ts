/**
 * A proxy that signs: for hosts on this machine that cannot sign themselves.
 *
 * Whoever can reach it calls in the client's name. So it listens on the loopback
 * address only, and refuses what a web page might send.
 *
 * @module
 */

import { readBounded, type ReadLimits } from "../http/bounded.ts";
import type { SignedFetch } from "../signatures/signed_fetch.ts";

/** Options for {@linkcode signingProxy}. */
export interface SigningProxyOptions {
  /** The MCP endpoint of the server. */
  readonly url: URL;
  /** Signs the requests and verifies the answers. */
  readonly fetch: SignedFetch;
  /** How far, and for how long, a body is read. */
  readonly limits?: ReadLimits;
}

/** Names that a browser cannot be brought to take another machine for. */
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;
/** What of a request the server needs; a host's own credentials stay here. */
const FORWARDED = /^(accept|content-type|last-event-id|mcp-.+)$/;
const METHODS = ["POST", "GET", "DELETE"];
const LIMITS = { limit: 16 * 1024 * 1024, timeoutMs: 30_000 };

/** Makes the handler of a proxy. */
export function signingProxy(
  { url, fetch, limits = LIMITS }: SigningProxyOptions,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const { method, headers, signal } = request;
    if (!URL.canParse(request.url)) return refuse(400, "The target is no URL");
    if (isFromWeb(request)) {
      return refuse(403, "This proxy is for programs on this machine only");
    }
    if (new URL(request.url).pathname !== url.pathname) {
      return refuse(404, `Send MCP requests to ${url.pathname}`);
    }
    if (!METHODS.includes(method)) {
      return refuse(405, `Send ${METHODS.join(", ")}, not ${method}`);
    }
    const body = await readBounded(request.body, { ...limits, signal });
    switch (body.kind) {
      case "too large":
        return refuse(413, `The body has more than ${limits.limit} bytes`);
      case "too slow":
        return refuse(408, `The body took more than ${limits.timeoutMs} ms`);
      case "broken":
        return refuse(400, "The body broke off");
    }
    try {
      return await fetch(url, {
        method,
        headers: [...headers].filter(([name]) => FORWARDED.test(name)),
        signal,
        ...body.bytes.length > 0 && { body: body.bytes },
      });
    } catch (error) {
      return refuse(
        502,
        `No answer to be trusted: ${(error as Error).message}`,
      );
    }
  };
}

/**
 * DNS rebinding shows in Host, a page's script in Origin, its links in the rest.
 * The proxy's own origin is nobody's page: it serves none.
 */
function isFromWeb({ headers, url }: Request): boolean {
  const host = headers.get("host") ?? new URL(url).host;
  return !LOOPBACK.test(host) ||
    ![`http://${host}`, null].includes(headers.get("origin")) ||
    !["same-origin", "none", null].includes(headers.get("sec-fetch-site"));
}

function refuse(status: number, message: string): Response {
  return new Response(`${message}\n`, {
    status,
    headers: status === 405 ? { allow: METHODS.join(", ") } : {},
  });
}
