/**
 * Atomic operations. Never tried again here: one that failed may have happened.
 *
 * @module
 */

import type { KvAtomic } from "../kv/kv.ts";
import type { AskDataPath } from "./data_path.ts";
import {
  type Check,
  type Committed,
  decodeAtomicWriteOutput,
  encodeAtomicWrite,
  type Mutation,
  parseVersionstamp,
} from "./messages.ts";
import { packKey } from "./key.ts";
import { checkValue } from "./value.ts";

/** Room for a versionstamp, and for what later versions say beside it. */
const COMMITTED_BYTES = 4096;

/** Begins an atomic operation. */
export function createAtomic(
  ask: AskDataPath,
  now: () => number,
): KvAtomic {
  const checks: Check[] = [];
  const mutations: Mutation[] = [];
  const operation: KvAtomic = {
    check(...conditions) {
      for (const { key, versionstamp } of conditions) {
        checks.push({
          key: packKey(key),
          versionstamp: parseVersionstamp(versionstamp),
        });
      }
      return operation;
    },
    set(key, value, { expireIn } = {}) {
      mutations.push({
        key: packKey(key),
        value: checkValue(value),
        expiresAt: expiryOf(expireIn, now()),
      });
      return operation;
    },
    delete(key) {
      mutations.push({ key: packKey(key), value: undefined, expiresAt: 0 });
      return operation;
    },
    commit: () =>
      ask<Committed>({
        action: "commit",
        path: "atomic_write",
        body: encodeAtomicWrite(checks, mutations),
        limit: COMMITTED_BYTES,
        read: decodeAtomicWriteOutput,
      }),
  };
  return operation;
}

function expiryOf(expireIn: number | undefined, now: number): number {
  if (expireIn === undefined) return 0;
  if (expireIn > 0 && expireIn < Infinity) return Math.ceil(now + expireIn);
  throw new TypeError(`expireIn must be above 0, is ${expireIn}`);
}
