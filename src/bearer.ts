/**
 * Bearer tokens, {@link https://www.rfc-editor.org/rfc/rfc6750 | RFC 6750}, for
 * MCP clients that cannot sign.
 *
 * A token proves less than a signature: whoever sees one can use it, and nothing
 * binds it to a request. Use it over TLS only.
 *
 * @module
 */

import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { ID, isId } from "./id.ts";
import { once } from "./once.ts";
import { MIN_SECRET_BYTES } from "./signing/hmac.ts";
import type { Authenticate } from "./mcp/authenticate.ts";

export type { Authenticate } from "./mcp/authenticate.ts";

/** Tokens by client id; several while one replaces another. */
export type BearerTokens = Readonly<Record<string, string | readonly string[]>>;

/** Section 2.1: `b64token`. */
const TOKEN = /^[\w.~+/-]+=*$/;

/**
 * Makes the `authenticate` of a server whose clients send bearer tokens.
 *
 * @throws {TypeError} If there is no token, one cannot be sent, or two clients share one.
 * @throws {RangeError} If a token is shorter than 32 bytes.
 *
 * @example Tell who calls
 * ```ts
 * import { bearer } from "@countersign/mcp/bearer";
 *
 * const token = crypto.randomUUID();
 * const authenticate = bearer({ "client-001": token });
 * const request = new Request("https://example.com/mcp", {
 *   headers: { authorization: `Bearer ${token}` },
 * });
 * const caller = await authenticate(request, new Uint8Array());
 * console.log(caller instanceof Response ? caller.status : caller.id); // client-001
 * ```
 */
export function bearer(tokens: BearerTokens): Authenticate {
  // A list would make clients of its places.
  if (Array.isArray(tokens)) {
    throw new TypeError("The tokens must be by client id");
  }
  const clients = Object.entries(tokens).flatMap(([id, entry], i) => {
    const name = `entry ${i + 1} of the tokens`;
    if (!isId(id)) {
      throw new TypeError(`The id of ${name} does not match ${ID.source}`);
    }
    return [entry].flat().map((token) => ({
      id,
      token: checkToken(name, token),
    }));
  });
  if (clients.length === 0) {
    throw new TypeError('Name at least one client: { "client-001": token }');
  }
  if (new Set(clients.map(({ token }) => token)).size < clients.length) {
    throw new TypeError("Two tokens are the same: give every client its own");
  }
  const hashClients = once(() =>
    Promise.all(
      clients.map(async ({ id, token }) => ({
        id,
        hash: await hashToken(token),
      })),
    )
  );

  return async (request) => {
    const [scheme, ...rest] =
      request.headers.get("authorization")?.split(" ") ?? [];
    if (new URL(request.url).searchParams.has("access_token")) {
      return refuse(400, "invalid_request", "Send the token in Authorization");
    }
    if (scheme?.toLowerCase() !== "bearer") {
      return refuse(401); // section 3.1: no token, no error code
    }
    const token = rest.join(" ").trim();
    if (!TOKEN.test(token)) {
      return refuse(400, "invalid_request", "The token is malformed");
    }
    const known = await hashClients();
    const sent = await hashToken(token);
    // Every hash is compared: time does not tell whose came close.
    const [caller] = known.filter(({ hash }) => timingSafeEqual(hash, sent));
    return caller
      ? { id: caller.id }
      : refuse(401, "invalid_token", "The token is unknown");
  };
}

/** Its refusals quote neither tokens nor ids: the two may have been swapped. */
function checkToken(name: string, token: unknown): string {
  if (typeof token !== "string" || !TOKEN.test(token)) {
    throw new TypeError(
      `The token of ${name} does not match ${TOKEN.source}`,
    );
  }
  if (token.length < MIN_SECRET_BYTES) {
    throw new RangeError(
      `The token of ${name} has ${token.length} bytes, fewer than ` +
        `${MIN_SECRET_BYTES}: make one with \`openssl rand -hex 32\``,
    );
  }
  return token;
}

/** Hashes have one length, which `timingSafeEqual` asks for. */
function hashToken(token: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
}

/** Section 3: the challenge; and MCP's id-less error for the host to show. */
function refuse(
  status: 400 | 401,
  reason?: string,
  message?: string,
): Response {
  const error = {
    code: 1401,
    message: message ?? "Bearer token required",
    ...reason && { data: { reason } },
  };
  const details = reason &&
    `, error="${reason}", error_description="${message}"`;
  return Response.json({ jsonrpc: "2.0", error }, {
    status,
    headers: {
      "www-authenticate": `Bearer realm="mcp"${details ?? ""}`,
      "cache-control": "no-store",
    },
  });
}
