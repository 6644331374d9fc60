/**
 * From options to an endpoint: who may ask, and what the server says of itself.
 *
 * @module
 */

import type { ReadLimits } from "../http/bounded.ts";
import type { Keyring } from "../signing/keyring.ts";
import type { Log } from "../log.ts";
import {
  anyone,
  type Authenticate,
  byFunction,
  bySignature,
  type McpAuthenticate,
} from "./authenticate.ts";
import type { McpSettings } from "./endpoint.ts";
import { LOOPBACK } from "./http/origin.ts";
import { createStreamLimit } from "./http/stream_limit.ts";

/** Options of the MCP endpoint. */
export interface McpOptions {
  /** Its path. Defaults to `/mcp`. */
  path?: string;
  /**
   * Who may ask. By default whoever signs with a client's secret (RFC 9421).
   *
   * `"none"` lets everybody in, and answers by the names of this machine only,
   * unless `allowedHosts` has others. A function finds out the caller, or
   * answers in the server's place; what it throws is a fault of the server.
   */
  authenticate?: "none" | Authenticate;
  /** Hosts that the endpoint answers to: `example.com`. Defaults to any. */
  allowedHosts?: readonly string[];
  /** Version of your tools, for clients to show. Defaults to `0`. */
  version?: string;
  /** What a model should know before it uses the tools. */
  instructions?: string;
  /** Most streams that one client may hold open at one instance. Defaults to 64. */
  maxStreams?: number;
}

/**
 * Checks the options of the endpoint.
 *
 * @throws {TypeError} If one is malformed.
 */
export function checkMcpOptions(
  options: McpOptions,
  server: {
    readonly serverId: string;
    readonly path: string;
    readonly envelopePath: string;
    readonly allowedOrigins: readonly string[];
    /** What clients call; `undefined` for what their requests say. */
    readonly host: string | undefined;
    /** The URL that a client called. */
    readonly urlOf: (request: Request) => string;
    readonly keyring: Keyring;
    readonly readLimits: ReadLimits;
    readonly maxValueBytes: number;
    readonly log: Log;
    readonly now: () => number;
  },
): McpSettings {
  const {
    authenticate,
    version = "0",
    instructions,
    maxStreams = 64,
  } = options;
  const { serverId, path, envelopePath, keyring, log, now } = server;
  const isPublic = authenticate === "none";
  return {
    path,
    envelopePath,
    authenticate: authenticatorOf(),
    origins: {
      allowedOrigins: server.allowedOrigins,
      host: server.host,
      allowedHosts: options.allowedHosts ?? (isPublic ? LOOPBACK : undefined),
    },
    server: { info: { name: serverId, version }, instructions, isPublic },
    readLimits: server.readLimits,
    maxResult: server.maxValueBytes,
    streams: createStreamLimit(maxStreams),
    log,
    now,
  };

  function authenticatorOf(): McpAuthenticate {
    if (authenticate === undefined) {
      return bySignature({ keyring, serverId, now, urlOf: server.urlOf });
    }
    if (authenticate === "none") return anyone;
    if (typeof authenticate === "function") return byFunction(authenticate);
    throw new TypeError('mcp.authenticate must be a function or "none"');
  }
}
