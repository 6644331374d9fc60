/**
 * An atomic operation, gathered with packed keys until it is committed: for
 * stores that carry it out in this process.
 *
 * @module
 */

import type { KvAtomic } from "../kv/kv.ts";
import { packKey } from "./key.ts";

/** What is to be committed. */
export interface Committing {
  readonly checks: readonly {
    readonly key: Uint8Array;
    readonly version: number | null;
  }[];
  /** Without a value, a key is deleted. */
  readonly mutations: readonly {
    readonly key: Uint8Array;
    readonly value?: Uint8Array;
    readonly expireIn?: number;
  }[];
}

/** Deno KV's own limits, so that what works here works there. */
const MOST_VALUE_BYTES = 65_536;
const MOST_BYTES = 819_200;
const MOST_CHECKS = 100;
const MOST_MUTATIONS = 1000;

/** Begins an atomic operation, with Deno KV's limits. */
export function gatherAtomic(
  commit: (committing: Committing) => ReturnType<KvAtomic["commit"]>,
): KvAtomic {
  const checks: Committing["checks"][number][] = [];
  const mutations: Committing["mutations"][number][] = [];
  let bytes = 0;
  const operation: KvAtomic = {
    check(...conditions) {
      for (const { key, versionstamp } of conditions) {
        checks.push({ key: packKey(key), version: versionOf(versionstamp) });
      }
      return operation;
    },
    set(key, value, { expireIn } = {}) {
      const packed = packKey(key);
      const written = checkValue(value);
      bytes += packed.length + written.length;
      if (expireIn !== undefined && !(expireIn > 0 && expireIn < Infinity)) {
        throw new TypeError(`expireIn must be above 0, is ${expireIn}`);
      }
      mutations.push({
        key: packed,
        value: written,
        ...expireIn !== undefined && { expireIn: Math.ceil(expireIn) },
      });
      return operation;
    },
    delete(key) {
      mutations.push({ key: packKey(key) });
      return operation;
    },
    async commit() {
      refuseOver("checks", checks.length, MOST_CHECKS);
      refuseOver("mutations", mutations.length, MOST_MUTATIONS);
      refuseOver("bytes", bytes, MOST_BYTES);
      return await commit({ checks, mutations });
    },
  };
  return operation;
}

/** The writer may go on using its buffer before the commit. */
function checkValue(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError("Cannot write a value that is no Uint8Array");
  }
  if (value.length <= MOST_VALUE_BYTES) return value.slice();
  throw new TypeError(
    `A value has ${value.length} bytes, more than ${MOST_VALUE_BYTES}`,
  );
}

function versionOf(versionstamp: string | null): number | null {
  if (versionstamp === null) return null;
  if (/^[0-9a-f]{20}$/.test(versionstamp)) return Number(`0x${versionstamp}`);
  throw new TypeError(`"${versionstamp}" is no versionstamp`);
}

function refuseOver(what: string, is: number, most: number): void {
  if (is <= most) return;
  throw new TypeError(`A commit has ${is} ${what}, more than ${most}`);
}
