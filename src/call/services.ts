/**
 * What a call is, and what it meets: the words that dispatch, the built-in
 * tools and both protocols share.
 *
 * @module
 */

import type { Background } from "../job/background.ts";
import { CountersignError } from "../errors.ts";
import type { Progress } from "../job/job.ts";
import type { Jobs } from "../job/jobs.ts";
import type { Principal } from "../signing/keyring.ts";
import type { KvLike } from "../kv/kv.ts";
import type { Log } from "../log.ts";
import type { Ask, QuestionKind } from "../tool/question.ts";
import type { Nonce, Spend } from "../signing/nonce.ts";
import type { Tools } from "../tool/tool.ts";

/** A call by a caller who is known, in time and not yet known to be a replay. */
export interface Call {
  readonly caller: Principal;
  readonly requestId: string;
  /** The tool's name. */
  readonly name: string;
  readonly args: unknown;
  /** To be spent before anything is done; `undefined` if the call may be repeated. */
  readonly nonce: Nonce | undefined;
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal;
  readonly background: Background;
  /** How the caller is asked; `undefined` where it cannot be. */
  readonly dialogue?: Dialogue;
  /** Tells a caller who waits how far its call is. */
  readonly report?: (progress: Progress) => void;
}

/** A way to ask the caller of a call, while it waits. */
export interface Dialogue {
  readonly ask: Ask;
  /** Whether the caller takes such a question. */
  takes(kind: QuestionKind): boolean;
}

/** What dispatch works with. */
export interface Services {
  readonly tools: Tools;
  /** `undefined` where the server has no KV, and so no jobs. */
  readonly jobs: Jobs | undefined;
  readonly kv: KvLike | undefined;
  readonly spend: Spend;
  /** Whether even calls that change nothing spend their nonce. */
  readonly spendsAlways: boolean;
  /** Whether, and for how long, a caller must wait. */
  readonly rateLimit: RateLimit | undefined;
  /** What `server_identity` answers. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** Where jobs spend the nonce themselves, in the commit that accepts them. */
  readonly jobsSpend: boolean;
  readonly log: Log;
}

/**
 * The jobs of a house.
 *
 * @throws {CountersignError} `job_not_found` where there are none.
 */
export function jobsOf({ jobs }: Services): Jobs {
  if (jobs) return jobs;
  throw new CountersignError("job_not_found", "This server keeps no jobs");
}

/**
 * Says how many milliseconds a caller must wait; 0 lets the call through.
 *
 * `tool` is the tool's name, or the MCP method of what is no call of a tool:
 * `tasks/get`.
 */
export type RateLimit = (
  call: { clientId: string; tool: string; env: unknown },
) => number | Promise<number>;
