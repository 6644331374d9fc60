/**
 * Nonces in KV: spent once across all instances.
 *
 * | key | value |
 * | --- | --- |
 * | `[...prefix, "nonce", client, nonce]` | a token of whoever spent it, until the envelope is stale |
 *
 * @module
 */

import type { Nonce, Spend } from "../signing/nonce.ts";
import { platformTiming, type Timing } from "../timing.ts";
import { commit } from "./commit.ts";
import {
  fromBytes,
  type KvAtomic,
  type KvKey,
  type KvLike,
  toBytes,
} from "./kv.ts";

/** Most checks in a commit that every Deno KV takes. */
const GROUP = 10;

/** A nonce on its way into the store. */
export interface Spending {
  readonly key: KvKey;
  readonly value: Uint8Array;
  readonly token: string;
  readonly expireIn: number;
}

/** Adds the spending of a nonce to a commit, which then fails if it was spent before. */
export function addSpending(atomic: KvAtomic, spending: Spending): KvAtomic {
  const { key, value, expireIn } = spending;
  return atomic.check({ key, versionstamp: null })
    .set(key, value, { expireIn });
}

/** Prepares the spending of a nonce. */
export function spendingOf(
  prefix: KvKey,
  nonce: Nonce,
  timing: Timing,
): Spending {
  const token = timing.uuid();
  return {
    key: [...prefix, "nonce", nonce.clientId, nonce.value],
    value: toBytes(token),
    token,
    // KV may keep it longer; a nonce that stays spent does no harm.
    expireIn: Math.max(1, nonce.expiresAt - timing.now()), // no lifetime is negative
  };
}

/** Spends each nonce in a commit of its own. */
export function spendInKv(
  kv: KvLike,
  prefix: KvKey,
  timing: Timing = platformTiming,
): Spend {
  return (nonce) => spendOne(kv, spendingOf(prefix, nonce, timing), timing);
}

/**
 * Spends nonces that arrive together in one commit.
 *
 * A commit costs an fsync however much it holds. While one is under way the
 * next ones gather; a group that fails, because one of its nonces was spent
 * before, is split. Not for Workers, where a request cannot wait for another's.
 */
export function spendInGroups(
  kv: KvLike,
  prefix: KvKey,
  timing: Timing = platformTiming,
): Spend {
  interface Waiting {
    readonly spending: Spending;
    resolve(fresh: boolean): void;
    reject(error: unknown): void;
  }
  let waiting: Waiting[] = [];
  let busy = false;

  return (nonce) =>
    new Promise((resolve, reject) => {
      const spending = spendingOf(prefix, nonce, timing);
      waiting.push({ spending, resolve, reject });
      if (!busy) void drain();
    });

  async function drain(): Promise<void> {
    busy = true;
    while (waiting.length > 0) {
      const group = nextGroup();
      const ended = group.length > 1 ? await spendTogether(group) : "refused";
      if (ended === "landed") group.forEach(({ resolve }) => resolve(true));
      else await Promise.all(group.map((one) => spendAlone(one, ended)));
    }
    busy = false;
  }

  /** Up to ten; of two alike the second waits, and is then found spent. */
  function nextGroup(): Waiting[] {
    const group = new Map<string, Waiting>();
    const rest: Waiting[] = [];
    for (const entry of waiting) {
      const name = entry.spending.key.slice(-2).join(" ");
      if (group.size < GROUP && !group.has(name)) group.set(name, entry);
      else rest.push(entry);
    }
    waiting = rest;
    return [...group.values()];
  }

  async function spendTogether(
    group: readonly Waiting[],
  ): Promise<"landed" | "refused" | "unknown"> {
    const atomic = group.reduce(
      (operation, { spending }) => addSpending(operation, spending),
      kv.atomic(),
    );
    try {
      return (await atomic.commit()).ok ? "landed" : "refused";
    } catch {
      return "unknown";
    }
  }

  async function spendAlone(
    { spending, resolve, reject }: Waiting,
    ended: "refused" | "unknown",
  ): Promise<void> {
    const spent = spendOne(kv, spending, timing, ended === "unknown");
    await spent.then(resolve, reject);
  }
}

async function spendOne(
  kv: KvLike,
  spending: Spending,
  timing: Timing,
  ambiguous = false,
): Promise<boolean> {
  const version = await commit(
    () => addSpending(kv.atomic(), spending),
    () => spentBy(kv, spending),
    ambiguous,
    timing,
  );
  return version !== undefined;
}

/** The versionstamp of the nonce, if it was this spending that spent it. */
export async function spentBy(
  kv: KvLike,
  { key, token }: Spending,
): Promise<string | undefined> {
  const { value, versionstamp } = await kv.get(key);
  if (versionstamp === null || fromBytes(value) !== token) return undefined;
  return versionstamp;
}
