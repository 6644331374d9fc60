/**
 * Deleting what has expired; until then it is only not shown.
 *
 * @module
 */

import type { AskRows } from "./connection.ts";

const EVERY_MS = 60_000;
const MOST_KEYS = 1000;

/** Deletes what has expired in a table. */
export interface Sweep {
  /** Deletes some of it, and says how many keys. */
  once(): Promise<number>;
  /** Does so if nobody here did within the last minute; it never throws. */
  nowAndThen(): Promise<void>;
}

/** Prepares the sweeping of a table. */
export function createSweep(ask: AskRows, table: string): Sweep {
  const expired = "expires_at < clock_timestamp()";
  // What a commit holds is left to the next time. A key that was set anew since
  // the inner statement saw it no longer fits the outer one.
  const statement = `with gone as (delete from ${table} where k in (
    select k from ${table} where ${expired}
    limit ${MOST_KEYS} for update skip locked
  ) and ${expired} returning 1) select count(*)::int from gone`;
  let last = 0;

  async function once(): Promise<number> {
    const [[count]] = await ask("commit to", statement, []);
    return Number(count);
  }

  return {
    once,
    async nowAndThen() {
      if (Date.now() - last < EVERY_MS) return;
      last = Date.now();
      await once().catch(() => {}); // there is a next time
    },
  };
}
