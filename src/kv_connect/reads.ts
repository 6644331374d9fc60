/**
 * Reads, tried again where that may help.
 *
 * @module
 */

import type { KvEntry, KvKey } from "../kv/kv.ts";
import { pause } from "../waiting.ts";
import type { AskDataPath } from "./data_path.ts";
import { type Range, snapshotRead, snapshotReadOutput } from "./messages.ts";
import { KvConnectError } from "./error.ts";
import { packKey } from "./key.ts";

/** Tries of a read: about half a second in all. */
const READ_TRIES = 3;
/** Keys that one read may name. */
const MAX_KEYS = 10;

/** Reads ranges of keys, in one request. */
export async function readRanges(
  ask: AskDataPath,
  ranges: readonly Range[],
): Promise<KvEntry[][]> {
  const body = snapshotRead(ranges);
  for (let tried = 1;; tried++) {
    try {
      return await ask(
        "read",
        "snapshot_read",
        body,
        (answer) => snapshotReadOutput(answer, ranges.length),
      );
    } catch (error) {
      const transient = error instanceof KvConnectError && error.transient;
      if (tried >= READ_TRIES || !transient) throw error;
    }
    await pause(Math.random() * 100 * 2 ** tried);
  }
}

/** Reads up to ten keys, in one request. */
export async function readKeys(
  ask: AskDataPath,
  keys: readonly KvKey[],
): Promise<KvEntry[]> {
  if (keys.length > MAX_KEYS) {
    throw new TypeError(
      `Cannot read ${keys.length} keys at once, more than ${MAX_KEYS}`,
    );
  }
  if (keys.length === 0) return [];
  const ranges = await readRanges(
    ask,
    keys.map((key) => {
      const start = packKey(key);
      return { start, end: after(start), limit: 1, reverse: false };
    }),
  );
  return ranges.map(([entry], i) =>
    entry ?? { key: keys[i], value: null, versionstamp: null }
  );
}

/** The first key after a packed one. */
function after(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}
