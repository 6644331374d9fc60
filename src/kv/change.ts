/**
 * Waiting for a key to change.
 *
 * @module
 */

import { pause } from "../pause.ts";
import { persist } from "./commit.ts";
import type { KvKey, KvLike } from "./kv.ts";

const FIRST_GAP_MS = 100;
const LONGEST_GAP_MS = 2000;

/**
 * Waits, at most `ms`, until a key no longer stands at `version`.
 *
 * Told at once by `kv.watch` where the store has it. `Deno.Kv` on a file tells
 * only of its own process's writes, so the key is also read, ever less often.
 *
 * @throws The signal's reason, as soon as it is aborted.
 */
export async function waitForChange(
  kv: KvLike,
  key: KvKey,
  version: string | null,
  ms: number,
  signal?: AbortSignal,
): Promise<void> {
  const changes = kv.watch?.([key]).getReader();
  const deadline = Date.now() + ms;
  try {
    let change = changes?.read();
    for (let gap = FIRST_GAP_MS;; gap = Math.min(LONGEST_GAP_MS, gap * 1.5)) {
      const left = deadline - Date.now();
      if (left <= 0) return;
      const told = await first(change, Math.min(gap, left), signal);
      if (told) change = changes?.read();
      const { versionstamp } = await persist(() => kv.get(key));
      if (versionstamp !== version) return;
    }
  } finally {
    await changes?.cancel();
  }
}

/** Whether a promise settles before so many milliseconds have passed. */
async function first(
  promise: Promise<unknown> | undefined,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const timer = new AbortController();
  const stop = () => timer.abort(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([
      pause(ms, timer.signal).then(() => false, (error) => {
        if (signal?.aborted) throw error;
        return false;
      }),
      ...promise ? [promise.then(() => true)] : [],
    ]);
  } finally {
    signal?.removeEventListener("abort", stop);
    timer.abort();
  }
}
