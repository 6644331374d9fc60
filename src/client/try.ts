/**
 * One try of a call: signs it, delivers it, reads the response.
 *
 * @module
 */

import {
  RESPONSE_INFO,
  signedText,
  VERSION,
  withSignature,
} from "../envelope/signed_text.ts";
import { CountersignError } from "../errors.ts";
import { once } from "../once.ts";
import {
  deriveKey,
  importKey,
  type Secret,
  secretBytes,
  sign,
} from "../signing/hmac.ts";
import { withLimits } from "../waiting.ts";
import { readResponse, type ServerResponse } from "./response.ts";

/** Whom tries are signed for and by, and how they get there. */
export interface TryOptions {
  readonly clientId: string;
  readonly secret: Secret;
  readonly serverId: string;
  readonly allowShortSecrets: boolean;
  /** Delivers a request. */
  readonly deliver: (body: string, signal: AbortSignal) => Promise<Response>;
  /** Milliseconds that one try may take. */
  readonly timeoutMs: number;
  /** Most bytes of a response. */
  readonly maxAnswerBytes: number;
}

/** What is signed in a try. */
export interface Try {
  readonly tool: string;
  readonly args: unknown;
  readonly requestId: string;
  readonly nonce: string;
  /** The server's clock as this client knows it, in Unix milliseconds. */
  readonly sentAt: number;
}

/**
 * Makes a try.
 *
 * @throws {CountersignError} `unreachable`, or what `readResponse` throws.
 */
export type TrySending = (
  one: Try,
  signal: AbortSignal | undefined,
) => Promise<ServerResponse>;

/** Makes what makes tries. */
export function createTry(options: TryOptions): TrySending {
  const { clientId, serverId, deliver, timeoutMs, maxAnswerBytes } = options;
  const secret = secretBytes(
    options.secret,
    "secret",
    options.allowShortSecrets,
  );
  const openKeys = once(async () => {
    const [request, response] = await Promise.all([
      importKey(secret),
      deriveKey(secret, RESPONSE_INFO),
    ]);
    return { request, response };
  });

  return async ({ tool, args, requestId, nonce, sentAt }, signal) => {
    const keys = await openKeys();
    // Named in canonical order, which spares the sort.
    const text = signedText({
      args,
      client_id: clientId,
      nonce,
      request_id: requestId,
      server_id: serverId,
      tool,
      ts_ms: sentAt,
      v: VERSION,
    });
    const body = withSignature(text, await sign(keys.request, text), "tool");
    signal?.throwIfAborted();
    const reason = (ms: number) => new Error(`No answer within ${ms} ms`);
    return await withLimits(
      { ms: timeoutMs, reason, signal },
      async (limit) => {
        try {
          return await readResponse(
            await deliver(body, limit),
            { requestId, serverId, key: keys.response },
            { limit: maxAnswerBytes, signal: limit },
          );
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
  };
}
