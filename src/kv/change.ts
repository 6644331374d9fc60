/**
 * Waiting for a key to change.
 *
 * @module
 */

import { platformTiming, type Timing } from "../timing.ts";
import { settlesWithin } from "../waiting.ts";
import { persist } from "./commit.ts";
import { isDenoKv, type KvKey, type KvLike } from "./kv.ts";

const FIRST_GAP_MS = 100;
const LONGEST_GAP_MS = 2000;

/**
 * Waits until a key no longer stands at `version`, for `ms`, or until `signal`
 * is aborted.
 *
 * Told at once by `kv.watch` where the store has one that may be used. `Deno.Kv`
 * on a file tells only of its own process's writes, and others may miss one, so
 * the key is also read, ever less often.
 */
export async function waitForChange(
  kv: KvLike,
  key: KvKey,
  version: string | null,
  ms: number,
  signal?: AbortSignal,
  timing: Timing = platformTiming,
): Promise<void> {
  const mayWatch = kv.watchIsSafe ?? isDenoKv(kv);
  const changes = mayWatch ? kv.watch?.([key]).getReader() : undefined;
  const deadline = timing.monotonic() + ms;
  try {
    let change = changes?.read();
    for (let gap = FIRST_GAP_MS;; gap = Math.min(LONGEST_GAP_MS, gap * 1.5)) {
      const left = deadline - timing.monotonic();
      if (left <= 0 || signal?.aborted) return;
      const waitMs = Math.min(gap, left);
      const told = await settlesWithin(change, waitMs, signal, timing);
      if (told) change = changes?.read();
      const { versionstamp } = await persist(() => kv.get(key), timing);
      if (versionstamp !== version) return;
    }
  } finally {
    await changes?.cancel();
  }
}
