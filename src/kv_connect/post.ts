/**
 * One POST to a KV Connect server, from its request to what its response says.
 *
 * @module
 */

import { readBounded } from "../http/bounded.ts";
import type { Fetch } from "../http/fetch.ts";
import { cut } from "../text.ts";
import { withLimits } from "../waiting.ts";
import { type Action, KvConnectError } from "./error.ts";

/** How requests get there. */
export interface Transport {
  /** Delivers a request. */
  readonly deliver: Fetch;
  /** Milliseconds that a request may take. */
  readonly timeoutMs: number;
}

/** What to post. */
export interface Posting<T> {
  readonly action: Action;
  readonly url: string;
  readonly token: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: BodyInit;
  /** Most bytes of a response. */
  readonly limit: number;
  /** Reads a good response's body. */
  readonly read: (body: Uint8Array) => T;
}

/** Longest part of a refusal that is quoted, in characters. */
const LONGEST_QUOTE = 200;

/**
 * Posts once, and follows no redirect: the token is for this server.
 *
 * @throws {KvConnectError} If no good answer comes.
 */
export async function post<T>(
  { deliver, timeoutMs }: Transport,
  { action, url, token, headers, body, limit, read }: Posting<T>,
): Promise<T> {
  const { host } = new URL(url);
  const reason = (ms: number) => new Error(`no answer within ${ms} ms`);
  const { status, content } = await withLimits(
    { ms: timeoutMs, reason },
    async (signal) => {
      try {
        const response = await deliver(
          new Request(url, {
            method: "POST",
            headers: { ...headers, authorization: `Bearer ${token}` },
            body,
            signal,
            redirect: "manual", // Workers know no "error" here
          }),
        );
        const content = await readBounded(response.body, { limit, signal });
        if (content.kind === "broken") throw content.cause;
        return { status: response.status, content };
      } catch (cause) {
        const { message } = (signal.reason ?? cause) as Error;
        throw new KvConnectError(action, `${host}: ${message}`, 0, { cause });
      }
    },
  );
  if (status !== 200) {
    const bytes = content.kind === "read" ? content.bytes : undefined;
    // A server may quote what it was sent.
    const said = new TextDecoder().decode(bytes).replaceAll(token, "[token]");
    const quote = cut(said.trim(), LONGEST_QUOTE);
    const why = `${host} answered HTTP ${status}${quote && `: ${quote}`}`;
    throw new KvConnectError(action, why, status);
  }
  try {
    if (content.kind === "read") return read(content.bytes);
    throw new TypeError(`it has more than ${limit} bytes`);
  } catch (cause) {
    // A parser may quote what it was given, and half a character of it.
    const quote = cut((cause as Error).message, LONGEST_QUOTE);
    const why = `${host} gave an answer that cannot be read: ${quote}`;
    throw new KvConnectError(action, why, status, { cause });
  }
}
