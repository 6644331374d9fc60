/**
 * Sends one call: signs it, sends it, believes the signed answer, and tries
 * again where that is safe.
 *
 * Every try has the same request id and a fresh nonce and clock.
 *
 * @module
 */

import { CountersignError, type ErrorCode } from "../errors.ts";
import {
  deriveKey,
  importKey,
  type Secret,
  secretBytes,
  sign,
} from "../signing/hmac.ts";
import { pause, withLimits } from "../waiting.ts";
import {
  RESPONSE_INFO,
  signedText,
  VERSION,
  withSignature,
} from "../envelope/signed_text.ts";
import { readResponse, type ServerResponse } from "./response.ts";

/** Options for {@linkcode sender}. */
export interface SenderOptions {
  readonly clientId: string;
  readonly secret: Secret;
  readonly serverId: string;
  readonly allowShortSecrets: boolean;
  /** Delivers a request. */
  readonly deliver: (body: string, signal: AbortSignal) => Promise<Response>;
  /** Tries after the first. */
  readonly retries: number;
  /** Milliseconds that one try may take. */
  readonly timeoutMs: number;
  /** Current time, in Unix milliseconds. */
  readonly now: () => number;
}

/** One call to send. */
export interface Sending {
  readonly tool: string;
  readonly args: unknown;
  readonly requestId: string;
  /** Whether it does no harm if the call arrives twice: a read, or a job's start. */
  readonly replayable: boolean;
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
  const requestId = crypto.randomUUID();
  return send({ tool, args, requestId, replayable: true, signal });
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
/** The longest `retry-after` that is waited for. */
const LONGEST_WAIT_MS = 60_000;

/** Makes a sender. */
export function sender(options: SenderOptions): Send {
  const { clientId, serverId, deliver, retries, timeoutMs, now } = options;
  const secret = secretBytes(
    options.secret,
    "secret",
    options.allowShortSecrets,
  );
  let keys: { request: CryptoKey; response: CryptoKey } | undefined;
  /** What to add to this clock so that it agrees with the server's. */
  let skewMs = 0;

  async function open() {
    const [request, response] = await Promise.all([
      importKey(secret),
      deriveKey(secret, RESPONSE_INFO),
    ]);
    return keys = { request, response };
  }

  async function attempt(sending: Sending): Promise<ServerResponse> {
    const { tool, args, requestId, signal } = sending;
    const { request, response: key } = keys ?? await open();
    // Named in canonical order, which spares the sort.
    const text = signedText({
      args,
      client_id: clientId,
      nonce: crypto.randomUUID(),
      request_id: requestId,
      server_id: serverId,
      tool,
      ts_ms: now() + skewMs,
      v: VERSION,
    });
    const body = withSignature(text, await sign(request, text), "tool");
    signal?.throwIfAborted();
    const reason = (ms: number) => new Error(`No answer within ${ms} ms`);
    return await withLimits(
      { ms: timeoutMs, reason, signal },
      async (limit) => {
        try {
          const response = await deliver(body, limit);
          return await readResponse(response, { requestId, serverId, key });
        } catch (cause) {
          signal?.throwIfAborted();
          if (cause instanceof CountersignError) throw cause;
          const { message } = (limit.reason ?? cause) as Error;
          throw new CountersignError(
            "unreachable",
            `No answer from the server: ${message}`,
            { cause },
          );
        }
      },
    );
  }

  return async (sending) => {
    let corrected = false;
    for (let tried = 0;; tried++) {
      let error: unknown;
      try {
        const answer = await attempt(sending);
        if (answer.error === undefined) return answer;
        error = answer.error;
        if (answer.error.code === "stale_timestamp" && !corrected) {
          // Signed, so this is the server's clock and nobody else's.
          skewMs = answer.ts_ms - now();
          corrected = true;
          continue;
        }
        if (!surelyNotRun(answer) && !isReplayable(sending, error)) throw error;
      } catch (thrown) {
        error = thrown;
        if (!isReplayable(sending, error)) throw error;
      }
      if (tried >= retries) throw error;
      await pause(delay(tried, error as CountersignError), sending.signal);
    }
  };
}

/** The server's own word that it refused before it did anything. */
function surelyNotRun({ signed, error }: ServerResponse): boolean {
  return signed &&
    (error?.code === "unavailable" || error?.code === "rate_limited");
}

/** Lost calls and lost answers look alike: only what may arrive twice is sent again. */
function isReplayable({ replayable }: Sending, error: unknown): boolean {
  return replayable && error instanceof CountersignError &&
    LOST.has(error.code);
}

/** What says nothing of whether the call ran. */
const LOST: ReadonlySet<ErrorCode> = new Set([
  "unreachable",
  "unverified_answer",
  "unavailable",
  "rate_limited",
  "replayed", // by what is on the way: an earlier copy was answered, to nobody
]);

/** What the server asked for, or full jitter. */
function delay(tried: number, { retryAfterMs }: CountersignError): number {
  const jitter = Math.random() *
    Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tried);
  return Math.min(LONGEST_WAIT_MS, retryAfterMs ?? 0) + jitter;
}
