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
  /** The server's own, which its pages are on; `undefined` for the request's. */
  readonly host: string | undefined;
  /** Hosts that the server answers to; `undefined` for any. */
  readonly allowedHosts: readonly string[] | undefined;
}

/** Hosts that only this machine is called by. */
export const LOOPBACK: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Refuses a page that has no business here.
 *
 * @throws {RpcError} With status 403.
 */
export function checkOrigin(
  request: Request,
  { allowedOrigins, host: own, allowedHosts }: OriginRules,
): void {
  const { host, hostname } = new URL(request.url);
  // A page whose name was rebound to this address still sends its own name.
  if (
    allowedHosts && !allowedHosts.includes(hostname) &&
    !allowedHosts.includes(host)
  ) throw originError(`Host "${host}" is not allowed; name it in allowedHosts`);
  const origin = request.headers.get("origin");
  if (origin === null || allowedOrigins.includes(origin)) return;
  // A terminator of TLS changes the scheme, so hosts are compared; but
  // `tauri://localhost` is no page of this server.
  if (
    /^https?:/.test(origin) && URL.canParse(origin) &&
    new URL(origin).host === (own ?? host)
  ) return;
  throw originError(
    `Origin "${origin}" is not allowed; name it in allowedOrigins`,
  );
}

function originError(message: string): RpcError {
  return new RpcError(CODE.invalidRequest, message, { status: 403 });
}
