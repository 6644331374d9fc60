/**
 * What a call is, whichever protocol it came in, and what becomes of it.
 *
 * @module
 */

import type { Background } from "../job/background.ts";
import type { Progress } from "../job/job.ts";
import type { JobOutcome } from "../job/outcome.ts";
import type { Caller } from "../signing/keyring.ts";
import type { Nonce } from "../signing/nonce.ts";
import type { Ask, QuestionKind } from "../tool/question.ts";

/** A call by a caller who is known, in time and not yet known to be a replay. */
export interface Call extends Platform {
  readonly caller: Caller;
  readonly requestId: string;
  /** The tool's name. */
  readonly name: string;
  readonly args: unknown;
  /** To be spent before anything is done; `undefined` if that has been done. */
  readonly nonce: Nonce | undefined;
  /** How the caller is asked; `undefined` where it cannot be. */
  readonly dialogue?: Dialogue;
  /** Tells a caller who waits how far its call is. */
  readonly report?: ((progress: Progress) => void) | undefined;
}

/** What the platform brings to a request. */
export interface Platform {
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal;
  /** Runs what outlives the request. */
  readonly background: Background;
}

/** A way to ask the caller of a call, while it waits. */
export interface Dialogue {
  readonly ask: Ask;
  /** Whether the caller takes such a question. */
  takes(kind: QuestionKind): boolean;
}

/** What became of a call. Refusals and failures of a call are thrown instead. */
export type Outcome =
  | { readonly kind: "ok"; readonly result: unknown }
  | JobOutcome;
