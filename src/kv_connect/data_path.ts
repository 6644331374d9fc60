/**
 * Asks the data path of a database, in whatever session is current.
 *
 * @module
 */

import { type Action, KvConnectError } from "./error.ts";
import { post, type Transport } from "./post.ts";
import type { Sessions } from "./session.ts";

/** What to ask. */
export interface DataPathCall<T> {
  readonly action: Action;
  /** Below the endpoint. */
  readonly path: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Most bytes of a good response. */
  readonly limit: number;
  /** Reads it; `undefined` means that another session is needed. */
  readonly read: (response: Uint8Array) => T | undefined;
}

/** Asks, and reads the response. */
export type AskDataPath = <T>(call: DataPathCall<T>) => Promise<T>;

/** Makes what asks: again, once, where the session was refused. */
export function createDataPath(
  transport: Transport,
  sessions: Sessions,
): AskDataPath {
  return async ({ path, ...call }) => {
    for (let again = false;; again = true) {
      const session = await sessions.current();
      try {
        const read = await post(transport, {
          ...call,
          url: `${session.endpoint}/${path}`,
          token: session.token,
          headers: {
            "content-type": "application/x-protobuf",
            "x-denokv-version": String(session.version),
            "x-denokv-database-id": session.databaseId,
          },
        });
        if (read !== undefined) return read;
        if (again) throw movedError(call.action, session.endpoint);
      } catch (error) {
        const refused = error instanceof KvConnectError && error.status === 401;
        if (again || !refused) throw error;
      }
      sessions.drop(session);
    }
  };
}

function movedError(action: Action, endpoint: string): KvConnectError {
  const { host } = new URL(endpoint);
  const why = `${host} does not serve this database now`;
  return new KvConnectError(action, why, 503);
}
