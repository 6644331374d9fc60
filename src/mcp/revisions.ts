/**
 * The revisions that are spoken here, as data, and which of them a message is in.
 *
 * @module
 */

import { isObject } from "../json/i_json.ts";
import { CODE, RpcError, type RpcMessage } from "./json_rpc.ts";
import { KEY } from "./meta.ts";

/** A revision of the protocol: its name, and what it has. */
export interface Revision {
  readonly name: string;
  /** Whether it begins with `initialize`; else every request stands alone. */
  readonly initializes: boolean;
  /** Whether headers must repeat the method, names and arguments of a body. */
  readonly repeatsInHeaders: boolean;
  /** Whether a tool may ask its caller: a call is then answered in rounds. */
  readonly asks: boolean;
  /** Whether a tool's result may be any JSON, and not an object only. */
  readonly takesAnyResult: boolean;
  /** Whether lists say for how long, and for whom, they may be kept. */
  readonly cachesLists: boolean;
  /** Whether a caller that closes its connection cancels the call. */
  readonly cancelsByClosing: boolean;
  /** Whether a body may hold several messages. */
  readonly batches: boolean;
}

const STANDALONE = {
  initializes: false,
  repeatsInHeaders: true,
  asks: true,
  takesAnyResult: true,
  cachesLists: true,
  cancelsByClosing: true,
  batches: false,
};
const INITIALIZED = {
  initializes: true,
  repeatsInHeaders: false,
  asks: false,
  takesAnyResult: false,
  cachesLists: false,
  cancelsByClosing: false,
  batches: false,
};

/** The revisions in which every request stands alone, newest first. */
export const MODERN: readonly Revision[] = [
  { name: "2026-07-28", ...STANDALONE },
];

/** The revisions that begin with `initialize`, newest first. */
export const LEGACY: readonly Revision[] = [
  { name: "2025-11-25", ...INITIALIZED },
  { name: "2025-06-18", ...INITIALIZED },
  { name: "2025-03-26", ...INITIALIZED, batches: true },
];

/** The header that names the revision. */
export const VERSION_HEADER = "mcp-protocol-version";

/** The revision of some of that name. */
export function findRevision(
  revisions: readonly Revision[],
  name: string | undefined,
): Revision | undefined {
  return revisions.find((revision) => revision.name === name);
}

/** The revision that the headers name; without one, the last that had none. */
export function legacyRevisionOf(headers: Headers): Revision | undefined {
  const named = headers.get(VERSION_HEADER)?.trim();
  return findRevision(LEGACY, named ?? "2025-03-26");
}

/**
 * Finds the revision of a message.
 *
 * @throws {RpcError} `unsupportedVersion`, or `headerMismatch`
 */
export function revisionOf(message: RpcMessage, headers: Headers): Revision {
  const [modern] = MODERN;
  const meta = message.params._meta;
  if (
    isObject(meta) &&
    (KEY.protocolVersion in meta || KEY.clientCapabilities in meta)
  ) return modern; // which of them exactly, its check tells
  const legacy = legacyRevisionOf(headers);
  if (legacy) return legacy;
  const named = headers.get(VERSION_HEADER)?.trim() ?? "";
  if (!findRevision(MODERN, named)) throw unsupportedVersion(named);
  if (message.method !== "initialize") return modern;
  throw new RpcError(
    CODE.headerMismatch,
    `"initialize" is not of ${named}: send the revision in _meta, or no header`,
  );
}

/** The refusal of a revision. */
export function unsupportedVersion(requested: string): RpcError {
  const supported = MODERN.map(({ name }) => name);
  return new RpcError(
    CODE.unsupportedVersion,
    `Unsupported protocol version "${requested}"`,
    { data: { supported, requested } },
  );
}
