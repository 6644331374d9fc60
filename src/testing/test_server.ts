/**
 * A server for tests of one's own tools, with a client and a clock.
 *
 * @module
 */

import { type Client, createClient } from "../client/client.ts";
import type { KvLike } from "../kv/kv.ts";
import { createServer, type Server } from "../server/server.ts";
import type { ServerOptions } from "../server/options.ts";
import type { Tools } from "../tool/tool.ts";
import { type Clock, runningClock } from "./clock.ts";
import { memoryKv } from "./memory_kv.ts";

/** A line of a server's log. */
export interface LogLine {
  /** How bad it is. */
  readonly level: string;
  /** What happened. */
  readonly message: string;
  /** The particulars. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Options for {@linkcode createTestServer}: those of a server, all with defaults but `tools`. */
export interface TestServerOptions<T extends Tools>
  extends Partial<Omit<ServerOptions, "tools" | "now" | "kv">> {
  /** The tools. */
  tools: T;
  /** Where jobs and nonces are kept. Defaults to a store in memory. */
  kv?: KvLike;
  /** The clock of the server and its client. Defaults to one that runs. */
  clock?: Clock;
}

/** A server in this process, and who calls it. */
export interface TestServer<T extends Tools> extends Server, AsyncDisposable {
  /** Calls the tools, signed, by no network. */
  readonly client: Client<T>;
  /** The clock of both, to be set forward. */
  readonly clock: Clock;
  /** Where jobs and nonces are kept. */
  readonly kv: KvLike;
  /** What the server has logged. */
  readonly lines: readonly LogLine[];
}

/**
 * Makes a server of tools, with a client of it.
 *
 * Nothing leaves the process: the client's requests are handed to `handle`,
 * signed and checked as any others.
 *
 * @example
 * ```ts
 * import { defineTool, type } from "@countersign/mcp";
 * import { createTestServer } from "@countersign/mcp/testing";
 *
 * const greet = defineTool({
 *   description: "Greets someone by name",
 *   input: type({ name: "string" }),
 *   run: ({ name }) => `Hello, ${name}!`,
 * });
 * await using server = createTestServer({ tools: { greet } });
 * const said = await server.client.call("greet", { name: "Ada" });
 * if (said !== "Hello, Ada!") throw new Error(said);
 * ```
 */
export function createTestServer<T extends Tools>(
  options: TestServerOptions<T>,
): TestServer<T> {
  const { clock = runningClock(), ...rest } = options;
  const { kv = memoryKv(clock.now) } = options;
  const lines: LogLine[] = [];
  const secret = crypto.randomUUID() + crypto.randomUUID();
  const serverId = options.serverId ?? "test-server";
  const server = createServer({
    serverSecret: crypto.randomUUID() + crypto.randomUUID(),
    log: (level, message, fields) => lines.push({ level, message, fields }),
    ...rest,
    serverId,
    clients: { ...options.clients, "test-client": secret },
    kv,
    now: clock.now,
  });
  return {
    ...server,
    client: createClient<T>({
      fetch: server.handle,
      serverId,
      clientId: "test-client",
      secret,
      now: clock.now,
    }),
    clock,
    kv,
    lines,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
