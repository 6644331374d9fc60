/**
 * A stateless tool server whose every call and every answer is signed.
 *
 * Tools answer at once, or run as jobs kept in Deno KV until they are done.
 * {@linkcode createServer} makes a server of your own tools; {@linkcode handle}
 * is one ready made, configured by the environment.
 *
 * @example A server on Deno
 * ```ts ignore
 * import { createServer, defineTool, type } from "@countersign/mcp";
 *
 * const greet = defineTool({
 *   description: "Greets someone by name",
 *   input: type({ name: "1 <= string <= 64" }),
 *   run: ({ name }) => ({ greeting: `Hello, ${name}!` }),
 * });
 * const { handle } = createServer({
 *   serverId: "greeter",
 *   serverSecret: Deno.env.get("SERVER_SECRET")!,
 *   clients: { "client-001": Deno.env.get("CLIENT_SECRET")! },
 *   kv: () => Deno.openKv(),
 *   tools: { greet },
 * });
 * Deno.serve(handle);
 * ```
 *
 * @module
 */

import { fromEnvironment } from "./src/env.ts";
import { createServer, type Server, type WorkOptions } from "./src/server.ts";

export { createServer, type Server, type WorkOptions } from "./src/server.ts";
export type { JobSettings, ServerOptions } from "./src/assemble.ts";
export {
  defineTool,
  type JobContext,
  type JobDefinition,
  type JobOptions,
  type Returned,
  type Sent,
  type Tool,
  type ToolAnnotations,
  type ToolContext,
  type ToolDefinition,
  type Tools,
} from "./src/tool.ts";
export { type Schema, type } from "./src/schema.ts";
export {
  type Block,
  type BlockExtras,
  content,
  type ContentSchema,
  type Resource,
} from "./src/content.ts";
export type {
  Ask,
  FormQuestion,
  Question,
  QuestionKind,
  Reply,
  RootsQuestion,
  SamplingQuestion,
  UrlQuestion,
} from "./src/question.ts";
export type { Authenticate } from "./src/mcp/authenticate.ts";
export type { McpOptions } from "./src/mcp/options.ts";
export { withHeaders } from "./src/mcp/param_headers.ts";
export {
  CountersignError,
  type CountersignErrorOptions,
  type ErrorCode,
  type Issue,
  STATUS,
  TerminalError,
  ToolError,
  type WireCode,
} from "./src/errors.ts";
export {
  type AnyTools,
  type ArgsOf,
  type Builtins,
  type CallOptions,
  type Client,
  type ClientOptions,
  createClient,
  type JobHandle,
  type JobProgress,
  type JobState,
  type Names,
  type Rest,
  type ResultOf,
  type ToolTypes,
  type TypesOf,
} from "./src/client.ts";
export type { Secret } from "./src/hmac.ts";
export type { RateLimit } from "./src/house.ts";
export type { WorkReport } from "./src/job/worker.ts";
export type { ClientGrant, Clients } from "./src/keyring.ts";
export type {
  KvAtomic,
  KvEntry,
  KvKey,
  KvKeyPart,
  KvLike,
  KvSelector,
} from "./src/kv/kv.ts";
export type { Log } from "./src/log.ts";
export { batch_sum, start_long_task } from "./src/seed.ts";

const server: Server = createServer(fromEnvironment);

/** Answers a request with the seed tools, configured by the environment. */
export const handle: Server["handle"] = server.handle;

/** Runs the jobs of {@linkcode handle} that are due. */
export const work: Server["work"] = server.work;

/** Gives the running jobs of {@linkcode handle} back, and closes its KV. */
export const stop: Server["stop"] = server.stop;

/**
 * How long `scheduled` lets one job go on, in milliseconds, and how many it
 * attends to: all of them end well within the 15 minutes that Workers give a
 * cron's run, and the next run, a minute later, carries on what gave way.
 */
const SCHEDULED: WorkOptions = { sliceMs: 60_000, limit: 50 };

/** What `deno serve` and Workers look for. */
const entry: {
  fetch: Server["handle"];
  scheduled(event: unknown, env: unknown): Promise<void>;
} = {
  fetch: handle,
  async scheduled(_event, env) {
    await work(env, SCHEDULED);
  },
};
export default entry;
