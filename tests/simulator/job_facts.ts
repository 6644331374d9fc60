/** What is known of the jobs of a world: what truly happened to each. */
import type { KvModel } from "./kv_model.ts";
import type { Mix } from "./mix.ts";
import type { Process } from "./process.ts";
import type { JobRecord } from "./records.ts";
import type { Script } from "./scripts.ts";
import type { World } from "./world.ts";

/** What is known of one job. */
export interface JobFacts {
  readonly id: string;
  readonly clientId: string;
  readonly requestId: string;
  readonly script: Script;
  record: JobRecord;
  readonly acceptedAt: number;
  /** Times that a lease was taken. */
  claims: number;
  holder: Process | undefined;
  /** When its record was last written. */
  writtenAt: number;
  /** When it was last given up by its holder, of its own will. */
  suspendedAt: number | undefined;
  /** How far it said to be, last. */
  progress: number | undefined;
  /** Whether it killed its process, and has kept no step since. */
  hasKilled: boolean;
  endedAt: number | undefined;
  removedAt: number | undefined;
  /** The mark of every kept outcome, by the name of its step. */
  readonly kept: Map<string, string>;
  /** Times that a step's body, or anything else that is counted, was begun. */
  readonly begun: Map<string, number>;
  /** The key that each step was given for the other side. */
  readonly keys: Map<string, string>;
  /** Answers that were sent to its questions. */
  readonly answers: Set<string>;
  /** Of them, those of which the client knows that they were taken. */
  readonly taken: Map<string, string>;
}

/** What the ledger's parts share. */
export interface Books {
  readonly world: World;
  readonly mix: Mix;
  readonly model: KvModel;
  /** Whether all promises are to be kept, or only those that have no conditions. */
  readonly isPromised: boolean;
  readonly jobs: Map<string, JobFacts>;
  readonly byRequest: Map<string, JobFacts>;
  /** Entries for chunks that may never get their job: they go after an hour. */
  readonly announced: Set<string>;
}

/** Begins to know of a job that was just accepted. */
export function newFacts(
  record: JobRecord,
  script: Script,
  by: Process,
  now: number,
): JobFacts {
  const { id, clientId, requestId, lease } = record;
  return {
    ...{ id, clientId, requestId, script, record },
    acceptedAt: now,
    claims: lease === undefined ? 0 : 1,
    holder: lease === undefined ? undefined : by,
    writtenAt: now,
    suspendedAt: undefined,
    progress: undefined,
    hasKilled: false,
    endedAt: undefined,
    removedAt: undefined,
    kept: new Map(),
    begun: new Map(),
    keys: new Map(),
    answers: new Set(),
    taken: new Map(),
  };
}
