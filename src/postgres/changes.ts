/**
 * Telling of changes: to those who wait in this process, and by `NOTIFY` to
 * those in others.
 *
 * Told after a commit, not in it: commits that notify wait for one another,
 * fsync and all. So a process that dies in between tells nobody, and whoever
 * waits must also look now and then, as `kv/change.ts` does.
 *
 * @module
 */

import type { KvEntry, KvKey } from "../kv/kv.ts";
import { packKey } from "../kv_connect/key.ts";
import { pause } from "../waiting.ts";
import type { AskRows, SqlClient } from "./connection.ts";
import { toBytea } from "./values.ts";

/** Ids in a payload of at most 8,000 bytes. */
const MOST_IDS = 600;
/** Between two statements that tell; what changes meanwhile is told together. */
const GAP_MS = 20;

/** Who waits for what, and who is told. */
export interface Changes {
  /** Tells of keys, as they were packed and written out. */
  announce(keys: readonly string[]): void;
  /** Streams what stands at the keys, whenever one of them changes. */
  watch(keys: readonly KvKey[]): ReadableStream<KvEntry[]>;
  /** Waits until everything was told, or could not be. */
  told(): Promise<void>;
}

/** The way to the channel over which is told. */
export interface ChangesOptions {
  readonly ask: AskRows;
  readonly client: () => SqlClient;
  readonly channel: string;
  readonly read: (keys: readonly KvKey[]) => Promise<KvEntry[]>;
}

/** Tells of changes over a channel. */
export function createChanges(
  { ask, client, channel, read }: ChangesOptions,
): Changes {
  const waiting = createWaiting();
  const untold = new Set<string>();
  let telling: Promise<void> | undefined;
  let listensOn: SqlClient | undefined;
  let sender = ""; // Workers give no random numbers before the first request

  /** While one statement is under way, what is to be told next gathers. */
  async function tell(): Promise<void> {
    sender ||= crypto.randomUUID();
    while (untold.size > 0) {
      const ids = [...untold].slice(0, MOST_IDS);
      for (const id of ids) untold.delete(id);
      // Nothing was written, so nobody need wait for a disk.
      const statement =
        "select set_config('synchronous_commit', 'off', true), " +
        "pg_notify($1::text, $2::text)";
      await ask("read from", statement, [channel, [sender, ...ids].join()])
        .catch(() => {}); // those who wait will look
      await pause(GAP_MS);
    }
    telling = undefined;
  }

  function listen(): void {
    const sql = client();
    if (listensOn === sql) return;
    listensOn = sql;
    const told = (payload: string) => {
      const [from, ...ids] = payload.split(",");
      if (from !== sender) waiting.wake(ids); // who waits here was told at once
    };
    sql.listen(channel, told).then(undefined, () => {
      if (listensOn === sql) listensOn = undefined; // once more, next time
    });
  }

  return {
    announce(keys) {
      const ids = keys.map(idOf);
      waiting.wake(ids);
      for (const id of ids) untold.add(id);
      if (untold.size > 0) telling ??= tell();
    },
    watch(keys) {
      listen();
      const ids = keys.map((key) => idOf(toBytea(packKey(key))));
      // A read that fails says nothing, but that it is time to look.
      return waiting.stream(ids, () => read(keys).catch(() => []));
    },
    told: async () => await telling,
  };
}

/** Those who wait in this process. */
function createWaiting() {
  const waiting = new Map<string, Set<() => void>>();

  function wake(ids: readonly string[]): void {
    for (const id of ids) waiting.get(id)?.forEach((told) => told());
  }

  function add(ids: readonly string[], told: () => void): void {
    for (const id of ids) {
      waiting.set(id, (waiting.get(id) ?? new Set()).add(told));
    }
  }

  function remove(ids: readonly string[], told: () => void): void {
    for (const id of ids) {
      waiting.get(id)?.delete(told);
      if (waiting.get(id)?.size === 0) waiting.delete(id);
    }
  }

  /** Streams what is read each time that one of the ids is told of. */
  function stream<T>(
    ids: readonly string[],
    read: () => Promise<T>,
  ): ReadableStream<T> {
    let changed = false;
    let over = false;
    let resume: (() => void) | undefined;
    const told = () => {
      changed = true;
      resume?.();
    };
    add(ids, told);
    return new ReadableStream({
      async pull(controller) {
        while (!changed && !over) {
          await new Promise<void>((resolve) => resume = resolve);
        }
        changed = false;
        const entries = over ? undefined : await read();
        if (entries && !over) controller.enqueue(entries);
      },
      cancel() {
        over = true;
        remove(ids, told);
        resume?.();
      },
    }, { highWaterMark: 0 });
  }

  return { wake, stream };
}

/** A short name for a key; two keys that share one wake each other in vain. */
function idOf(key: string): string {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  return (high >>> 0).toString(36) + (low >>> 0).toString(36);
}
