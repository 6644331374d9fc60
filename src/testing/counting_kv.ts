/**
 * A KV that counts what it is asked to do.
 *
 * @module
 */

import type { KvAtomic, KvLike } from "../kv/kv.ts";

/** Operations since the last reset. */
export interface OperationCounts {
  /** Reads of keys, many at once being one. */
  gets: number;
  /** Lists begun. */
  lists: number;
  /** Commits tried. */
  commits: number;
}

/** Wraps `kv`; `counts` goes on counting until it is reset. */
export function countingKv(
  kv: KvLike,
): KvLike & { counts: OperationCounts; reset(): void } {
  const counts: OperationCounts = { gets: 0, lists: 0, commits: 0 };
  return {
    counts,
    reset: () => Object.assign(counts, { gets: 0, lists: 0, commits: 0 }),
    get: (key) => (counts.gets++, kv.get(key)),
    getMany: (keys) => (counts.gets++, kv.getMany(keys)),
    list: (selector, options) => (counts.lists++, kv.list(selector, options)),
    atomic: () => counted(kv.atomic()),
    close: () => kv.close?.(),
  };

  function counted(atomic: KvAtomic): KvAtomic {
    const wrapper: KvAtomic = {
      check: (...checks) => (atomic.check(...checks), wrapper),
      set: (key, value, options) => (atomic.set(key, value, options), wrapper),
      delete: (key) => (atomic.delete(key), wrapper),
      commit: () => (counts.commits++, atomic.commit()),
    };
    return wrapper;
  }
}
