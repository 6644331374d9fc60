/**
 * A KV that fails where it is told to.
 *
 * @module
 */

import type { KvAtomic, KvLike } from "../kv/kv.ts";

/** How an operation fails. */
export type Fault =
  | "refuses" // an error, and nothing was written
  | "lands and fails" // an error, though it was written
  | "is locked" // what Deno KV says when another process writes
  | "is slow";

/** Decides how the next operation fails, if at all. */
export type FaultPlan = (operation: "read" | "commit") => Fault | undefined;

/** Wraps `kv`, asking `plan` before every operation. */
export function faultyKv(kv: KvLike, plan: FaultPlan): KvLike {
  async function faulty<T>(
    operation: "read" | "commit",
    run: () => Promise<T>,
  ): Promise<T> {
    const fault = plan(operation);
    switch (fault) {
      case undefined:
        return await run();
      case "is slow":
        await new Promise((resolve) => setTimeout(resolve, 30));
        return await run();
      case "is locked":
        throw new TypeError("database is locked");
      case "refuses":
        throw new Error("The store refuses");
      case "lands and fails":
        await run();
        throw new Error("The connection broke");
    }
  }
  return {
    get: (key) => faulty("read", () => kv.get(key)),
    getMany: (keys) => faulty("read", () => kv.getMany(keys)),
    async *list(selector, options) {
      await faulty("read", () => Promise.resolve());
      yield* kv.list(selector, options);
    },
    atomic: () => wrapped(kv.atomic()),
  };

  function wrapped(atomic: KvAtomic): KvAtomic {
    const wrapper: KvAtomic = {
      check: (...checks) => (atomic.check(...checks), wrapper),
      set: (key, value, options) => (atomic.set(key, value, options), wrapper),
      delete: (key) => (atomic.delete(key), wrapper),
      commit: () => faulty("commit", () => atomic.commit()),
    };
    return wrapper;
  }
}
