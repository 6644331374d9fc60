/** The store that all processes of a world share, and how it is reached. */
import type { KvKey } from "../../src/kv/kv.ts";
import type { KvModel, Mutation } from "./kv_model.ts";
import type { Process } from "./process.ts";

/** How often what goes wrong, as probabilities of each operation. */
export interface KvFaults {
  /** An error, and nothing was written. */
  refused: number;
  /** "database is locked", as Deno says when another process writes. */
  locked: number;
  /** It landed, and the answer was lost. */
  landedAndFailed: number;
  /** An error, and it lands later. */
  late: number;
  /** No answer for very long; then either. */
  hanging: number;
  /** A read that fails. */
  unread: number;
}

/** How a store is reached. */
export interface KvNetwork {
  readonly faults: KvFaults;
  /** Longest way there, and back, in milliseconds. */
  readonly latencyMs: number;
  /** Longest that a late commit is under way. */
  readonly lateMs: number;
  /** Whether reads answer at once. */
  readonly hasFastReads: boolean;
  /** Whose writes `watch` tells of; a file's tells of its own process's only. */
  readonly watches: "nothing" | "own" | "all";
  /** Whether commits land whatever they check: a store that nobody may use. */
  readonly isUnchecked: boolean;
}

/** Who sees every commit that landed. */
export type OnLanded = (
  by: Process,
  mutations: readonly Mutation[],
  before: (key: KvKey) => unknown,
) => void;

/** The store that all processes of a world share. */
export interface SharedKv {
  readonly model: KvModel;
  /** As it is now: faults end, too. */
  network: KvNetwork;
  readonly onLanded: OnLanded;
  /** Who is told of which keys. */
  readonly watchers: Set<Watcher>;
}

/** Somebody who is told of changes. */
export interface Watcher {
  readonly keys: ReadonlySet<string>;
  readonly owner: Process;
  tell(): void;
}
