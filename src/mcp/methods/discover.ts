/**
 * `server/discover`: what a client asks before anything else (server/discover).
 *
 * @module
 */

import type { Exchange } from "../exchange.ts";
import { TASKS } from "../meta.ts";
import { scopeOf, TTL_MS } from "./tools_list.ts";
import { MODERN } from "../revisions.ts";

/** Tells what the server speaks and offers. */
export function discover({ services, server }: Exchange): object {
  return {
    supportedVersions: MODERN.map(({ name }) => name),
    capabilities: {
      // The tools are a deployment's: no `listChanged`.
      tools: {},
      // Clients take settings other than {} for another extension.
      extensions: services.jobs && { [TASKS]: {} },
    },
    instructions: server.instructions,
    ttlMs: TTL_MS,
    cacheScope: scopeOf(server.isPublic),
  };
}
