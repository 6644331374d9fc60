/**
 * What lets pages on other origins ask, and read the answer:
 * {@link https://fetch.spec.whatwg.org/#http-cors-protocol | the CORS protocol}.
 *
 * @module
 */

/**
 * Checks the origins that an author allows.
 *
 * @throws {TypeError} If one is not as browsers write it, or is a wildcard.
 */
export function checkOrigins(origins: readonly string[]): void {
  for (const [i, origin] of origins.entries()) {
    if (isOrigin(origin)) continue;
    throw new TypeError(
      `Entry ${i + 1} of allowedOrigins is not one origin, as browsers write ` +
        'it: "https://example.com", "chrome-extension://abc"; there are no wildcards',
    );
  }
}

/** `URL.origin` is `null` for extensions and webviews, whose origins browsers do send. */
function isOrigin(text: string): boolean {
  if (/^https?:/.test(text)) {
    return !text.includes("*") && URL.canParse(text) &&
      new URL(text).origin === text;
  }
  return /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#*@A-Z]+$/.test(text);
}

/** The origin of the page that asks, if it is one of those allowed. */
export function allowedOriginOf(
  { headers }: Request,
  allowed: readonly string[],
): string | undefined {
  const origin = headers.get("origin");
  return origin !== null && allowed.includes(origin) ? origin : undefined;
}

/** Lets a page on an allowed origin read the answer. */
export function allowOrigin(response: Response, origin: string): Response {
  const { status, body } = response;
  const headers = new Headers(response.headers);
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", "*"); // there are no credentials
  headers.append("vary", "origin");
  return new Response(body, { status, headers });
}

/** Answers a page that asks before it sends. */
export function preflight({ headers }: Request): Response {
  const asked = headers.get("access-control-request-headers");
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, POST",
      ...asked !== null && { "access-control-allow-headers": asked },
      "access-control-max-age": "600",
    },
  });
}
