/**
 * How clients address the server, where a proxy changes that on the way.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";

/** What stands between the address that clients use and the one that arrives. */
export interface Address {
  /**
   * The path of a request as the endpoints know it: without what a proxy put
   * before it, and without a slash at its end.
   *
   * @throws {CountersignError} `malformed`
   */
  pathOf(request: Request): string;
  /** The URL that the client called, and signed for. */
  publicUrlOf(request: Request): string;
  /** The host, and port if unusual, that clients call; `undefined` for any. */
  readonly host: string | undefined;
}

/**
 * Checks the options about addresses.
 *
 * @throws {TypeError} If one is malformed.
 */
export function checkAddress(
  publicUrl: string | undefined,
  pathPrefix = "",
): Address {
  if (pathPrefix !== "" && !/^(\/[^/?#\s]+)+$/.test(pathPrefix)) {
    throw new TypeError(
      'pathPrefix must be like "/prefix", without a slash last',
    );
  }
  const base = publicUrl === undefined ? undefined : checkBase(publicUrl);
  const inside = (path: string) =>
    `${path}/`.startsWith(`${pathPrefix}/`)
      ? path.slice(pathPrefix.length) || "/"
      : path; // it did not come through the proxy
  return {
    host: base?.host,
    pathOf: (request) => trimSlash(inside(urlOf(request).pathname)),
    publicUrlOf(request) {
      if (base === undefined) return request.url;
      const { pathname, search } = urlOf(request);
      return base.origin + trimSlash(base.pathname).replace(/^\/$/, "") +
        inside(pathname) + search;
    },
  };
}

/** A path without the slash at its end, which people add: `/mcp/` is `/mcp`. */
export function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

function checkBase(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url && /^https?:$/.test(url.protocol) && url.username === "" &&
    url.password === "" && !/[?#]/.test(text)
  ) return url;
  throw new TypeError('publicUrl must be like "https://example.com/prefix"');
}

/**
 * A `Host` that is no host leaves a request no URL, or one of another path:
 * platforms put the two together as they are.
 */
function urlOf({ url, headers }: Request): URL {
  const host = headers.get("host") ?? "";
  if (!/[/?#@\\]/.test(host) && URL.canParse(url)) return new URL(url);
  // RFC 9112 section 3.2
  throw new CountersignError("malformed", "The Host header names no host");
}
