/** A KV that counts what it is asked to do. */
import type { KvAtomic, KvLike } from "../../src/kv/kv.ts";

/** Operations since the last reset. */
export interface Counts {
  gets: number;
  lists: number;
  commits: number;
}

/** Wraps `kv`; `counts` goes on counting until it is reset. */
export function countingKv(
  kv: KvLike,
): KvLike & { counts: Counts; reset(): void } {
  const counts: Counts = { gets: 0, lists: 0, commits: 0 };
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
