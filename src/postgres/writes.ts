/**
 * Atomic operations. Never tried again here: one that failed may have happened.
 *
 * @module
 */

import type { KvAtomic } from "../kv/kv.ts";
import { packKey } from "../kv_connect/key.ts";
import type { AskRows } from "./connection.ts";
import {
  toBytea,
  toByteaArray,
  toIntegerArray,
  toVersion,
  toVersionstamp,
} from "./values.ts";

/** Deno KV's own limits, so that what works here works there. */
const MOST_CHECKS = 100;
const MOST_MUTATIONS = 1000;
const MOST_VALUE_BYTES = 65_536;
const MOST_BYTES = 819_200;

/** What to write at a key; `null` to delete it. */
type Mutation =
  | { readonly bytea: string; readonly expireIn: number | null }
  | null;

/** Told what a commit has changed: packed keys, but for those that expire. */
export type OnCommitted = (keys: readonly string[]) => Promise<void> | void;

/** Begins an atomic operation, which `commit` of the schema carries out. */
export function createAtomic(
  ask: AskRows,
  commit: string,
  committed: OnCommitted,
): KvAtomic {
  const checks: { bytea: string; version: string | null }[] = [];
  const mutations = new Map<string, Mutation>();
  let count = 0;
  let bytes = 0;

  /** The last word on a key counts. */
  function mutate(key: Uint8Array, size: number, mutation: Mutation): void {
    count++;
    bytes += key.length + size;
    mutations.set(toBytea(key), mutation);
  }

  const operation: KvAtomic = {
    check(...conditions) {
      for (const { key, versionstamp } of conditions) {
        const version = versionstamp === null ? null : toVersion(versionstamp);
        checks.push({ bytea: toBytea(packKey(key)), version });
      }
      return operation;
    },
    set(key, value, { expireIn } = {}) {
      const written = checkValue(value);
      mutate(packKey(key), written.length, {
        bytea: toBytea(written),
        expireIn: expiryOf(expireIn),
      });
      return operation;
    },
    delete(key) {
      mutate(packKey(key), 0, null);
      return operation;
    },
    async commit() {
      refuseOver("checks", checks.length, MOST_CHECKS);
      refuseOver("mutations", count, MOST_MUTATIONS);
      refuseOver("bytes", bytes, MOST_BYTES);
      const [[version]] = await ask(
        "commit to",
        statementOf(commit),
        parametersOf(checks, mutations),
      );
      if (version === null) return { ok: false };
      await committed(lasting(mutations));
      return { ok: true, versionstamp: toVersionstamp(version) };
    },
  };
  return operation;
}

function statementOf(commit: string): string {
  return `select ${commit}($1::text::bytea[], $2::text::bigint[], ` +
    "$3::text::bytea[], $4::text::bytea[], $5::text::bigint[], " +
    "$6::text::bytea[])";
}

function parametersOf(
  checks: readonly { bytea: string; version: string | null }[],
  mutations: ReadonlyMap<string, Mutation>,
): string[] {
  const sets: [string, NonNullable<Mutation>][] = [];
  const deletes: string[] = [];
  for (const [key, mutation] of mutations) {
    if (mutation) sets.push([key, mutation]);
    else deletes.push(key);
  }
  return [
    toByteaArray(checks.map(({ bytea }) => bytea)),
    toIntegerArray(checks.map(({ version }) => version)),
    toByteaArray(sets.map(([key]) => key)),
    toByteaArray(sets.map(([, { bytea }]) => bytea)),
    toIntegerArray(sets.map(([, { expireIn }]) => expireIn)),
    toByteaArray(deletes),
  ];
}

/** Nobody waits for a key that goes by itself; nonces are such, and many. */
function lasting(mutations: ReadonlyMap<string, Mutation>): string[] {
  return [...mutations].filter(([, mutation]) => !mutation?.expireIn)
    .map(([key]) => key);
}

function checkValue(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError("Cannot write a value that is no Uint8Array");
  }
  if (value.length <= MOST_VALUE_BYTES) return value;
  throw new TypeError(
    `A value has ${value.length} bytes, more than ${MOST_VALUE_BYTES}`,
  );
}

function expiryOf(expireIn: number | undefined): number | null {
  if (expireIn === undefined) return null;
  if (expireIn > 0 && expireIn < Infinity) return Math.ceil(expireIn);
  throw new TypeError(`expireIn must be above 0, is ${expireIn}`);
}

function refuseOver(what: string, is: number, most: number): void {
  if (is <= most) return;
  throw new TypeError(`A commit has ${is} ${what}, more than ${most}`);
}
