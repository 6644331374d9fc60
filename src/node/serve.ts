/**
 * Serving a `handle` on Node and Bun, as `Deno.serve` does on Deno.
 *
 * @module
 */

import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Handle, nodeListener } from "./listener.ts";

/** Options for {@linkcode serve}. */
export interface ServeOptions {
  /** Answers requests: the `handle` of a server. */
  handle: Handle;
  /** The port; 0 for any that is free. Defaults to 8000. */
  port?: number;
  /** The address to listen at. Defaults to `"0.0.0.0"`: every one. */
  hostname?: string;
  /** Milliseconds that what is under way has to end, once stopped. Defaults to 5,000. */
  graceMs?: number;
}

/** What listens. */
export interface Serving {
  /** The port that it listens at. */
  readonly port: number;
  /** Takes no more requests, and waits until those under way have ended. */
  stop(): Promise<void>;
}

/**
 * Serves over HTTP/1.1, with `node:http`: streams, connections that are kept,
 * callers that leave. Put what speaks TLS before it.
 *
 * @throws {Error} If it cannot listen there.
 *
 * @example
 * ```ts
 * import { serve } from "@countersign/mcp/node";
 *
 * const { port, stop } = await serve({
 *   handle: () => new Response("Hello"),
 *   port: 0,
 *   hostname: "127.0.0.1",
 * });
 * const response = await fetch(`http://127.0.0.1:${port}/`);
 * console.log(await response.text()); // Hello
 * await stop();
 * ```
 */
export async function serve(
  { handle, port = 8000, hostname = "0.0.0.0", graceMs = 5000 }: ServeOptions,
): Promise<Serving> {
  const listen = nodeListener(handle);
  const connections = new Map<Socket, ServerResponse | undefined>();
  let stopping = false;
  const server = createServer((incoming, outgoing) => {
    const { socket } = incoming;
    connections.set(socket, outgoing);
    outgoing.shouldKeepAlive &&= !stopping;
    outgoing.once("close", () => {
      if (connections.has(socket)) connections.set(socket, undefined);
      if (stopping) socket.end();
    });
    void listen(incoming, outgoing);
  });
  server.on("connection", (socket) => {
    connections.set(socket, undefined);
    socket.once("close", () => connections.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
  let stopped: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    stop() {
      stopping = true;
      return stopped ??= close(server, connections, graceMs);
    },
  };
}

/** Not with `closeIdleConnections`: Node 20 and Bun leave out what never asked. */
async function close(
  server: Server,
  connections: ReadonlyMap<Socket, ServerResponse | undefined>,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const [socket, outgoing] of connections) {
    // An answer that is yet to come says that it is the last.
    if (outgoing) outgoing.shouldKeepAlive = false;
    else socket.destroy();
  }
  const timer = setTimeout(() => {
    for (const socket of connections.keys()) socket.destroy();
  }, graceMs);
  await closed;
  clearTimeout(timer);
}
