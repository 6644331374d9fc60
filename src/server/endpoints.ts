/**
 * The two endpoints: where they are, who may reach them, and how much is read.
 *
 * @module
 */

import type { EnvelopeSettings } from "../envelope/endpoint.ts";
import { checkOrigins } from "../http/cross_origin.ts";
import type { McpSettings } from "../mcp/endpoint.ts";
import { checkMcpOptions, type McpOptions } from "../mcp/options.ts";
import { type Address, checkAddress, trimSlash } from "./address.ts";

/** What of a server's options is about its endpoints. */
interface EndpointOptions {
  readonly path?: string;
  readonly publicUrl?: string;
  readonly pathPrefix?: string;
  readonly allowedOrigins?: readonly string[];
  readonly clockWindowMs?: number;
  readonly maxBodyBytes?: number;
  readonly readTimeoutMs?: number;
  readonly mcp?: McpOptions | false;
}

/** What requests are routed by, and answered with. */
export interface EndpointSettings {
  readonly address: Address;
  readonly allowedOrigins: readonly string[];
  readonly envelope: EnvelopeSettings;
  /** `undefined` where clients of the Model Context Protocol are not served. */
  readonly mcp: McpSettings | undefined;
}

/** What both endpoints are made of. */
type Shared = Pick<
  EnvelopeSettings,
  "serverId" | "maxValueBytes" | "keyring" | "log" | "now"
>;

/**
 * Checks the options of the endpoints.
 *
 * @throws {TypeError} If one is malformed.
 * @throws {RangeError} If `readTimeoutMs` is no time.
 */
export function checkEndpoints(
  options: EndpointOptions,
  shared: Shared,
): EndpointSettings {
  const {
    path = "/",
    publicUrl,
    pathPrefix,
    allowedOrigins = [],
    clockWindowMs = 300_000,
    maxBodyBytes = 1_048_576,
    readTimeoutMs = 30_000,
    mcp = {},
  } = options;
  if (!(readTimeoutMs > 0)) {
    throw new RangeError(`readTimeoutMs must be above 0, is ${readTimeoutMs}`);
  }
  checkOrigins(allowedOrigins);
  const address = checkAddress(publicUrl, pathPrefix);
  const paths = checkPaths(path, mcp);
  const readLimits = { limit: maxBodyBytes, timeoutMs: readTimeoutMs };
  return {
    address,
    allowedOrigins,
    envelope: {
      ...shared,
      readLimits,
      path: paths.envelope,
      mcpPath: paths.mcp,
      clockWindowMs,
    },
    mcp: mcp === false ? undefined : checkMcpOptions(mcp, {
      ...shared,
      readLimits,
      path: paths.mcp ?? "",
      envelopePath: paths.envelope,
      allowedOrigins,
      host: address.host,
      urlOf: address.publicUrlOf,
    }),
  };
}

/** The endpoints' paths, without a slash at the end. */
function checkPaths(
  path: string,
  mcp: McpOptions | false,
): { envelope: string; mcp: string | undefined } {
  const envelope = trimSlash(path);
  const other = mcp === false ? undefined : trimSlash(mcp.path ?? "/mcp");
  if (!envelope.startsWith("/") || !(other ?? "/").startsWith("/")) {
    throw new TypeError('path and mcp.path must begin with "/"');
  }
  if (envelope === other) {
    throw new TypeError("mcp.path must not be the envelopes' own");
  }
  return { envelope, mcp: other };
}
