/**
 * A typed client for the envelope protocol: signs calls, verifies answers,
 * follows jobs.
 *
 * Depends on no package, and runs wherever WebCrypto and `fetch` do: Deno,
 * Node 20, Bun, Workers and browsers.
 *
 * @module
 */

export {
  type ArgsOf,
  type CallOptions,
  type Client,
  type ClientOptions,
  createClient,
  type ResultOf,
} from "./client.ts";
export type {
  JobHandle,
  JobProgress,
  JobState,
  StartedJob,
} from "./job_handle.ts";
export type { ListedJob, ListedTool, ServerIdentity } from "./listings.ts";
export {
  CountersignError,
  type CountersignErrorOptions,
  type ErrorCode,
  HTTP_STATUS,
  type Issue,
  type WireCode,
} from "../errors.ts";
export type { Secret } from "../signing/hmac.ts";
export type { Fetch } from "../http/fetch.ts";
export type { WireJobStatus } from "../job/wire_status.ts";
