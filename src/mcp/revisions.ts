/**
 * The revisions that are spoken here, and which of them a message is in.
 *
 * @module
 */

import { isObject } from "../json/i_json.ts";
import { CODE, RpcError, type RpcMessage } from "./json_rpc.ts";
import { KEY } from "./meta.ts";

/** The revisions without sessions, newest first. */
export const MODERN: readonly string[] = ["2026-07-28"];

/** The revisions that begin with `initialize`, newest first. */
export const LEGACY: readonly string[] = [
  "2025-11-25",
  "2025-06-18",
  "2025-03-26",
];

/** The header that names the revision. */
export const VERSION_HEADER = "mcp-protocol-version";

/** Whether a message belongs to the revisions that begin with `initialize`. */
export function isLegacy(message: RpcMessage, headers: Headers): boolean {
  const meta = message.params._meta;
  if (
    isObject(meta) &&
    (KEY.protocolVersion in meta || KEY.clientCapabilities in meta)
  ) return false;
  const named = headers.get(VERSION_HEADER)?.trim();
  if (named === undefined || LEGACY.includes(named)) return true;
  if (!MODERN.includes(named)) throw unsupportedVersion(named);
  if (message.method !== "initialize") return false;
  throw new RpcError(
    CODE.headerMismatch,
    `"initialize" is not of ${named}: send the revision in _meta, or no header`,
  );
}

/** The refusal of a revision. */
export function unsupportedVersion(requested: string): RpcError {
  return new RpcError(
    CODE.unsupportedVersion,
    `Unsupported protocol version "${requested}"`,
    { data: { supported: MODERN, requested } },
  );
}
