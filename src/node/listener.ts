/**
 * A `handle` as a listener of `node:http`, and of what is built on it.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { toRequest } from "./request.ts";
import { writeTo } from "./respond.ts";

/** What answers requests. */
export type Handle = (request: Request) => Response | Promise<Response>;

/** What `node:http` and Express call with a request. */
export type NodeListener = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
) => Promise<void>;

/**
 * Makes a listener for `http.createServer` or Express; it never throws.
 *
 * The request's signal is aborted when the caller leaves before the answer has
 * ended. Under Express, mount it before anything that reads bodies; the request
 * has the URL that was asked for, mount path and all.
 *
 * @example Express
 * ```ts ignore
 * import express from "express";
 * import { nodeListener } from "@countersign/mcp/node";
 *
 * const { handle } = createServer({ path: "/tools", mcp: false, ...options });
 * express().use("/tools", nodeListener(handle)).listen(8787);
 * ```
 */
export function nodeListener(handle: Handle): NodeListener {
  return async (incoming, outgoing) => {
    const leaving = new AbortController();
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) leaving.abort(new Error("Caller left"));
    });
    try {
      const request = toRequest(incoming, leaving.signal);
      const response = request ? await handle(request) : refuseMalformed();
      if (outgoing.destroyed) await response.body?.cancel();
      else await writeTo(outgoing, response, incoming);
    } catch (error) {
      console.error(error);
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(500).end();
    }
  };
}

/** RFC 9112 section 3.2 */
function refuseMalformed(): Response {
  const error = "malformed: The request line and the Host header name no URL";
  return Response.json({ ok: false, status: "error", error }, { status: 400 });
}
