/**
 * What a call meets: the services that dispatch, the built-in tools and both
 * protocols share.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import type { Jobs } from "../job/jobs.ts";
import type { KvLike } from "../kv/kv.ts";
import type { Log } from "../log.ts";
import type { Spend } from "../signing/nonce.ts";
import type { Tools } from "../tool/tool.ts";

/** What calls are answered with. */
export interface Services {
  readonly tools: Tools;
  /** `undefined` where the server has no KV, and so no jobs. */
  readonly jobs: Jobs | undefined;
  readonly kv: KvLike | undefined;
  readonly spend: Spend;
  /** Whether even calls that change nothing spend their nonce. */
  readonly spendsAlways: boolean;
  /** Whether jobs spend the nonce themselves, in the commit that accepts them. */
  readonly jobsSpend: boolean;
  /** Whether, and for how long, a caller must wait; without, nobody must. */
  readonly rateLimit: RateLimit | undefined;
  /** What `server_identity` answers. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** Protects what MCP clients carry from one round of a call to the next. */
  readonly stateKey: CryptoKey;
  readonly log: Log;
}

/**
 * The jobs of a server.
 *
 * @throws {CountersignError} `job_not_found` where there are none.
 */
export function jobsOf({ jobs }: Pick<Services, "jobs">): Jobs {
  if (jobs) return jobs;
  throw new CountersignError("job_not_found", "This server keeps no jobs");
}

/**
 * Says how many milliseconds a caller must wait; `undefined` lets the call
 * through.
 *
 * `tool` is the tool's name, or the MCP method of what is no call of a tool:
 * `tasks/get`.
 */
export type RateLimit = (
  call: { clientId: string; tool: string; env: unknown },
) =>
  | { retryAfterMs: number }
  | undefined
  | Promise<{ retryAfterMs: number } | undefined>;
