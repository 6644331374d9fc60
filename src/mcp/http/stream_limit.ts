/**
 * How many streams one client may hold open at this instance.
 *
 * @module
 */

import { CountersignError } from "../../errors.ts";

/** Counts the streams that are open. */
export interface StreamLimit {
  /**
   * Takes note of a stream that opens.
   *
   * @returns Takes note that it has closed.
   * @throws {CountersignError} `rate_limited`
   */
  open(clientId: string): () => void;
}

/** Makes a limit, for each client. */
export function createStreamLimit(most: number): StreamLimit {
  const open = new Map<string, number>();
  return {
    open(clientId) {
      const count = open.get(clientId) ?? 0;
      if (count >= most) {
        throw new CountersignError(
          "rate_limited",
          `You have ${count} streams open here; close one`,
          { retryAfterMs: 1000 },
        );
      }
      open.set(clientId, count + 1);
      return () => {
        const left = (open.get(clientId) ?? 1) - 1;
        if (left > 0) open.set(clientId, left);
        else open.delete(clientId);
      };
    },
  };
}
