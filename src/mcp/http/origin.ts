/**
 * Who may ask from a browser: DNS rebinding and cross-site requests
 * (basic/transports, "Security").
 *
 * @module
 */

import { CODE, RpcError } from "../json_rpc.ts";

/** Options for {@linkcode checkOrigin}. */
export interface OriginRules {
  /** Origins that may ask beside the server's own. */
  readonly allowedOrigins: readonly string[];
  /** Hosts that the server answers to; `undefined` for any. */
  readonly allowedHosts: readonly string[] | undefined;
}

/** Hosts that only this machine is called by. */
export const LOOPBACK: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Refuses a page that has no business here.
 *
 * @returns The page's origin, if a page on another origin asks and may.
 * @throws {RpcError} With status 403.
 */
export function checkOrigin(
  request: Request,
  { allowedOrigins, allowedHosts }: OriginRules,
): string | undefined {
  const { host, hostname } = new URL(request.url);
  // A page whose name was rebound to this address still sends its own name.
  if (
    allowedHosts && !allowedHosts.includes(hostname) &&
    !allowedHosts.includes(host)
  ) throw refusal(`Host "${host}" is not allowed; name it in allowedHosts`);
  const origin = request.headers.get("origin");
  if (origin === null) return undefined;
  if (allowedOrigins.includes(origin)) return origin;
  // A terminator of TLS changes the scheme: hosts are compared.
  if (URL.canParse(origin) && new URL(origin).host === host) return undefined;
  throw refusal(`Origin "${origin}" is not allowed; name it in allowedOrigins`);
}

/** What lets a page on an allowed origin read the answer. */
export function crossOrigin(origin: string): Record<string, string> {
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers":
      "content-digest, signature, signature-input, www-authenticate",
    vary: "origin",
  };
}

/** Answers a page that asks before it sends. */
export function preflight(request: Request, origin: string): Response {
  const asked = request.headers.get("access-control-request-headers");
  return new Response(null, {
    status: 204,
    headers: {
      ...crossOrigin(origin),
      "access-control-allow-methods": "POST",
      ...asked !== null && { "access-control-allow-headers": asked },
      "access-control-max-age": "600",
    },
  });
}

function refusal(message: string): RpcError {
  return new RpcError(CODE.invalidRequest, message, { status: 403 });
}
