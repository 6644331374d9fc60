/**
 * `tools/list`: pages of what a caller may call (server/tools).
 *
 * @module
 */

import type { Exchange } from "../exchange.ts";
import { invalidParams } from "../json_rpc.ts";
import { listingsFor } from "./listing.ts";

/** Tools on a page. */
export const PAGE = 100;

/** How long a client may keep what a deployment does not change: five minutes. */
export const TTL_MS = 300_000;

/**
 * Lists tools.
 *
 * @throws {RpcError} -32602 for a cursor that was not given out.
 */
export function listTools(exchange: Exchange): object {
  const { services, caller, message: { params }, server, revision } = exchange;
  const listings = listingsFor(services.tools, caller.may);
  const from = start(params.cursor, listings.map(([name]) => name));
  const page = listings.slice(from, from + PAGE);
  const hasMore = from + PAGE < listings.length;
  const shown = page.map(([, { tool }]) =>
    revision.takesAnyResult ? tool : withObjectOutput(tool)
  );
  return {
    tools: shown,
    nextCursor: hasMore ? btoa(page[page.length - 1][0]) : undefined,
    ...revision.cachesLists &&
      { ttlMs: TTL_MS, cacheScope: scopeOf(server.isPublic) },
  };
}

/** Who may be given a kept answer: what is filtered by caller is for that caller. */
export function scopeOf(isPublic: boolean): "public" | "private" {
  return isPublic ? "public" : "private";
}

/** A cursor names the last tool that was shown, so a page outlives a deployment. */
function start(cursor: unknown, names: readonly string[]): number {
  if (cursor === undefined) return 0;
  const at = typeof cursor === "string"
    ? names.findIndex((name) => btoa(name) === cursor)
    : -1;
  if (at >= 0) return at + 1;
  throw invalidParams("The cursor is not one of this list's");
}

/** Before 2026-07-28 a result had to be an object. */
function withObjectOutput(
  { outputSchema, ...tool }: Readonly<Record<string, unknown>>,
): object {
  const { type } = (outputSchema ?? {}) as { type?: unknown };
  return {
    ...tool,
    outputSchema: type === "object" ? outputSchema : undefined,
  };
}
