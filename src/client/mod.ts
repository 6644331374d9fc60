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
  type AnyTools,
  type ArgsOf,
  type Builtins,
  type CallOptions,
  type Client,
  type ClientOptions,
  createClient,
  type Names,
  type Rest,
  type ResultOf,
  type ToolTypes,
  type TypesOf,
} from "./client.ts";
export type { JobHandle, JobProgress, JobState } from "./job_handle.ts";
export {
  CountersignError,
  type CountersignErrorOptions,
  type ErrorCode,
  HTTP_STATUS,
  type Issue,
  type WireCode,
} from "../errors.ts";
export type { Secret } from "../signing/hmac.ts";
