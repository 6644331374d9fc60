/**
 * Reads, tried again where that may help.
 *
 * @module
 */

import type { KvEntry, KvKey } from "../kv/kv.ts";
import { pause } from "../waiting.ts";
import type { AskDataPath } from "./data_path.ts";
import {
  decodeSnapshotReadOutput,
  encodeSnapshotRead,
  type Range,
  snapshotReadLimit,
} from "./messages.ts";
import { KvConnectError } from "./error.ts";
import { keyAfter, packKey } from "./key.ts";

/** Tries of a read: about half a second in all. */
const READ_TRIES = 3;
/** Keys that one read may name. */
const MAX_KEYS = 10;

/** Reads ranges of keys, in one request. */
export async function readRanges(
  ask: AskDataPath,
  ranges: readonly Range[],
): Promise<KvEntry[][]> {
  const call = {
    action: "read",
    path: "snapshot_read",
    body: encodeSnapshotRead(ranges),
    limit: snapshotReadLimit(ranges),
    read: (response: Uint8Array) => decodeSnapshotReadOutput(response, ranges),
  } as const;
  for (let tried = 1;; tried++) {
    try {
      return await ask(call);
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
      return { start, end: keyAfter(start), limit: 1, reverse: false };
    }),
  );
  return ranges.map(([entry], i) =>
    entry ?? { key: keys[i], value: null, versionstamp: null }
  );
}
