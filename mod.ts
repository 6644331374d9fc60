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

export {
  createServer,
  type Server,
  type StopOptions,
  type WorkOptions,
} from "./src/server/server.ts";
export type {
  JobSettings,
  NonceSettings,
  ServerOptions,
} from "./src/server/options.ts";
export {
  defineTool,
  type JobDefinition,
  type JobOptions,
  type Tool,
  type ToolAnnotations,
  type ToolDefinition,
  type ToolResult,
  type ToolReturn,
  type Tools,
} from "./src/tool/tool.ts";
export type {
  JobContext,
  StepOptions,
  StepScope,
  ToolContext,
} from "./src/tool/context.ts";
export { type } from "./src/tool/schema.ts";
export type {
  InferInput,
  InferOutput,
  Schema,
} from "./src/tool/standard_schema.ts";
export {
  content,
  type ContentBlock,
  type ContentSchema,
  type ResourceContents,
} from "./src/tool/content.ts";
export type {
  Ask,
  FormQuestion,
  Question,
  QuestionKind,
  QuestionReply,
  RootsQuestion,
  SamplingQuestion,
  UrlQuestion,
} from "./src/tool/question.ts";
export type { Authenticate } from "./src/mcp/authenticate.ts";
export type { McpOptions } from "./src/mcp/options.ts";
export { withParamHeaders } from "./src/mcp/http/param_headers.ts";
export {
  CountersignError,
  type CountersignErrorOptions,
  type ErrorCode,
  HTTP_STATUS,
  type Issue,
  TerminalError,
  ToolError,
  type WireCode,
} from "./src/errors.ts";
export {
  type Client,
  type ClientOptions,
  createClient,
  type JobHandle,
} from "./src/client/mod.ts";
export type { Secret } from "./src/signing/hmac.ts";
export type { RateLimit } from "./src/call/services.ts";
export type { WorkReport } from "./src/job/work.ts";
export type { ClientGrant, Clients } from "./src/signing/clients.ts";
export type { KvLike } from "./src/kv/kv.ts";
export type { Log } from "./src/log.ts";
export { batch_sum, start_long_task } from "./src/ready_made/sample_tools.ts";
export { default, handle, stop, work } from "./src/ready_made/ready_made.ts";
