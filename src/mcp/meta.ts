/**
 * `_meta`: what every request of MCP 2026-07-28 says of itself, in place of a
 * session (basic/index, "Request metadata").
 *
 * @module
 */

import { isObject } from "../json/i_json.ts";
import { invalidParams, type RpcMessage } from "./json_rpc.ts";

/** The reserved keys that this server reads or writes. */
export const KEY = {
  protocolVersion: "io.modelcontextprotocol/protocolVersion",
  clientCapabilities: "io.modelcontextprotocol/clientCapabilities",
  clientInfo: "io.modelcontextprotocol/clientInfo",
  logLevel: "io.modelcontextprotocol/logLevel",
  serverInfo: "io.modelcontextprotocol/serverInfo",
  subscriptionId: "io.modelcontextprotocol/subscriptionId",
} as const;

/** The Tasks extension's name. */
export const TASKS = "io.modelcontextprotocol/tasks";

/** What a request said of itself. */
export interface Meta {
  readonly protocolVersion: string;
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly progressToken: string | number | undefined;
}

const LEVELS = new Set([
  "debug",
  "info",
  "notice",
  "warning",
  "error",
  "critical",
  "alert",
  "emergency",
]);

/**
 * Reads a request's `_meta`.
 *
 * @throws {RpcError} -32602 with status 400, if a required key is missing or malformed.
 */
export function metaOf({ params }: RpcMessage): Meta {
  const meta = params._meta;
  if (!isObject(meta)) throw malformedMeta("_meta must be an object");
  const protocolVersion = meta[KEY.protocolVersion];
  const capabilities = meta[KEY.clientCapabilities];
  if (typeof protocolVersion !== "string") {
    throw malformedMeta(`_meta["${KEY.protocolVersion}"] must be a string`);
  }
  if (!isObject(capabilities)) {
    throw malformedMeta(`_meta["${KEY.clientCapabilities}"] must be an object`);
  }
  const info = meta[KEY.clientInfo];
  if (info !== undefined && !isObject(info)) {
    throw malformedMeta(`_meta["${KEY.clientInfo}"] must be an object`);
  }
  const level = meta[KEY.logLevel];
  if (level !== undefined && !LEVELS.has(level as string)) {
    throw malformedMeta(`_meta["${KEY.logLevel}"] must be a level of RFC 5424`);
  }
  return { protocolVersion, capabilities, progressToken: tokenOf(meta) };
}

/**
 * Reads where progress is to be sent.
 *
 * @throws {RpcError} -32602 with status 400
 */
export function tokenOf(
  meta: Readonly<Record<string, unknown>>,
): string | number | undefined {
  const { progressToken: token } = meta;
  if (
    token === undefined || typeof token === "string" ||
    Number.isSafeInteger(token)
  ) return token as string | number | undefined;
  throw malformedMeta("_meta.progressToken must be a string or an integer");
}

/** Whether a client follows tasks. */
export function takesTasks({ capabilities }: Meta): boolean {
  const { extensions } = capabilities;
  return isObject(extensions) && isObject(extensions[TASKS]);
}

function malformedMeta(message: string) {
  return invalidParams(message, { status: 400 });
}
