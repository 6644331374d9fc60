/**
 * Knows whether code runs within a step's body, wherever it awaits.
 *
 * By `AsyncLocalStorage` where the platform has one. Where it has none, only
 * what a body does before its first `await` is known: a sleep or a question
 * that comes later there waits in this process, and is not kept.
 *
 * @module
 */

import { TerminalError } from "../errors.ts";

/** The bodies of one attempt's steps. */
export interface Bodies {
  /** Runs a body under its step's name. */
  run<T>(name: string, body: () => T): T;
  /**
   * Refuses what may not be done within a body.
   *
   * @throws {TerminalError} If this is one.
   */
  refuse(what: string): void;
}

interface Storage {
  run<T>(store: unknown, body: () => T): T;
  getStore(): unknown;
}

/** Makes the bodies of an attempt. */
export function createBodies(): Bodies {
  const storage = STORAGE ?? createSynchronousStorage();
  // Bodies of another attempt, if it is run from within one, are none of ours.
  const own = Symbol();
  return {
    run: (name, body) => storage.run({ own, name }, body),
    refuse(what) {
      const here = storage.getStore() as
        | { own: symbol; name: string }
        | undefined;
      if (here?.own !== own) return;
      throw new TerminalError(
        `Cannot ${what} within the body of step "${here.name}": it is kept as ` +
          "a whole, once it has ended. Do so before it or after it",
      );
    },
  };
}

const STORAGE = findStorage();

function findStorage(): Storage | undefined {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => unknown };
  };
  const hooks = process?.getBuiltinModule?.("node:async_hooks") as
    | { AsyncLocalStorage?: new () => Storage }
    | undefined;
  return hooks?.AsyncLocalStorage && new hooks.AsyncLocalStorage();
}

function createSynchronousStorage(): Storage {
  let current: unknown;
  return {
    run(store, body) {
      const before = current;
      current = store;
      try {
        return body();
      } finally {
        current = before;
      }
    },
    getStore: () => current,
  };
}
