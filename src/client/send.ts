/**
 * Sends one call, and again where that is safe.
 *
 * What somebody on the way kept of earlier tries does no harm, because
 *
 * 1. a response is bound to its try by a request id of the try's own. A job's
 *    start has the same one each time, which makes it one job; a call may have
 *    one that its user chose. Their responses are judged by `freshness.ts`;
 * 2. what must not run twice has the same nonce in all its tries: the server
 *    accepts one of them, whoever brings it, however late.
 *
 * @module
 */

import { CountersignError, type ErrorCode } from "../errors.ts";
import { pause } from "../waiting.ts";
import { createTry, type TryOptions } from "./try.ts";
import { createFreshness } from "./freshness.ts";
import type { ServerResponse } from "./response.ts";

/** Options for {@linkcode createSender}. */
export interface SenderOptions extends TryOptions {
  /** Tries after the first. */
  readonly retries: number;
  /** Current time, in Unix milliseconds. */
  readonly now: () => number;
}

/** One call to send. */
export interface Sending {
  readonly tool: string;
  readonly args: unknown;
  /** Whether it must not run twice, may, or is one job however often it is sent. */
  readonly kind: "once" | "replayable" | "start";
  /** The id of all its tries; without, each has one of its own. */
  readonly requestId?: string | undefined;
  /** Whether the id was made for this call. */
  readonly isNewId?: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Sends calls; throws the {@linkcode CountersignError} that one was answered with. */
export type Send = (sending: Sending) => Promise<ServerResponse>;

/** The tools that every server has; a second call of one changes nothing more. */
export const BUILTIN_NAMES = [
  "server_identity",
  "list_tools",
  "list_jobs",
  "poll_job",
  "answer_job",
  "cancel_job",
] as const;

/** Calls one of them. */
export function callBuiltin(
  send: Send,
  tool: (typeof BUILTIN_NAMES)[number],
  args: object,
  signal: AbortSignal | undefined,
): Promise<ServerResponse> {
  return send({ tool, args, kind: "replayable", signal });
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
/** The longest `retry-after` that is waited for. */
const LONGEST_WAIT_MS = 60_000;

/** Makes what sends calls. */
export function createSender(options: SenderOptions): Send {
  const makeTry = createTry(options);
  const freshness = createFreshness(options.now);

  /** Makes one try, and believes its response only if it is to this very try. */
  async function sendOnce(
    { tool, args, kind, requestId, signal }: Sending,
    nonce: string,
    isBound: boolean,
  ): Promise<ServerResponse> {
    const sentAt = freshness.now();
    const id = requestId ?? crypto.randomUUID();
    const response = await makeTry(
      { tool, args, requestId: id, nonce, sentAt },
      signal,
    );
    if (isBound) freshness.setClock(response, sentAt);
    else {
      await freshness.refuseOld(response, {
        sentAt,
        isStart: kind === "start",
        askClock: () => callBuiltin(send, "server_identity", {}, signal),
      });
    }
    if (response.error) throw response.error;
    return response;
  }

  async function send(sending: Sending): Promise<ServerResponse> {
    const { kind, requestId, isNewId = false, signal } = sending;
    const nonce = crypto.randomUUID();
    let isCorrected = false;
    for (let tried = 0;; tried++) {
      try {
        return await sendOnce(
          sending,
          kind === "once" ? nonce : crypto.randomUUID(),
          requestId === undefined || isNewId && tried === 0,
        );
      } catch (error) {
        if (!(error instanceof CountersignError)) throw error;
        if (error.code === "stale_timestamp" && !isCorrected) {
          isCorrected = true; // the clock is set by now
          continue;
        }
        if (tried >= options.retries || !mayRepeat(kind, error)) throw error;
        await pause(pauseMs(tried, error), signal);
      }
    }
  }

  return send;
}

/** Whether a call may be sent again that this came of. */
function mayRepeat(
  kind: Sending["kind"],
  { code, signed }: CountersignError,
): boolean {
  // Lost calls and lost responses look alike: what must not run twice is sent
  // again only on the server's own word that it did nothing.
  return kind === "once" ? signed && REFUSED.has(code) : LOST.has(code);
}

/** What is refused before anything is done. */
const REFUSED: ReadonlySet<ErrorCode> = new Set([
  "unavailable",
  "rate_limited",
]);

/** What says nothing of whether the call ran. */
const LOST: ReadonlySet<ErrorCode> = new Set([
  ...REFUSED,
  "unreachable",
  "unverified_answer",
  "replayed", // by what is on the way: an earlier copy was answered, to nobody
]);

/** How long to wait: what the server asked for, or full jitter. */
function pauseMs(tried: number, { retryAfterMs }: CountersignError): number {
  const jitter = Math.random() *
    Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tried);
  return Math.min(LONGEST_WAIT_MS, retryAfterMs ?? 0) + jitter;
}
