/**
 * Asks the data path of a database, in whatever session is current.
 *
 * @module
 */

import { type Action, KvConnectError } from "./error.ts";
import { post, type Transport } from "./post.ts";
import type { Sessions } from "./session.ts";

/** Asks, and reads the answer; `undefined` from `read` means another session. */
export type AskDataPath = <T>(
  action: Action,
  path: string,
  body: Uint8Array<ArrayBuffer>,
  read: (answer: Uint8Array) => T | undefined,
) => Promise<T>;

/** Makes what asks: again, once, where the session was refused. */
export function createDataPath(
  transport: Transport,
  sessions: Sessions,
): AskDataPath {
  return async (action, path, body, read) => {
    for (let again = false;; again = true) {
      const session = await sessions.current();
      try {
        const answer = await post(transport, {
          action,
          url: `${session.endpoint}/${path}`,
          token: session.token,
          headers: {
            "content-type": "application/x-protobuf",
            "x-denokv-version": String(session.version),
            "x-denokv-database-id": session.databaseId,
          },
          body,
          read,
        });
        if (answer !== undefined) return answer;
        if (again) throw elsewhere(action, session.endpoint);
      } catch (error) {
        const refused = error instanceof KvConnectError && error.status === 401;
        if (again || !refused) throw error;
      }
      sessions.drop(session);
    }
  };
}

function elsewhere(action: Action, endpoint: string): KvConnectError {
  const { host } = new URL(endpoint);
  const why = `${host} does not serve this database now`;
  return new KvConnectError(action, why, 503);
}
