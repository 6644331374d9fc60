/**
 * The ledger: what truly happened to every job, seen from outside. It watches
 * commits land, and is told by bodies and by clients; it never asks the engine.
 */
import type { KvKey } from "../../src/kv/kv.ts";
import type { KvModel, Mutation } from "./kv_model.ts";
import type { Mix } from "./mix.ts";
import type { Process } from "./process.ts";
import {
  isAbout,
  isAnswer,
  type JobRecord,
  partsOf,
  PREFIX,
  readJobRecord,
  readTag,
} from "./records.ts";
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

/** What truly happened. */
export interface Ledger {
  readonly jobs: ReadonlyMap<string, JobFacts>;
  find(clientId: string, requestId: string): JobFacts | undefined;
  onLanded(
    by: Process,
    mutations: readonly Mutation[],
    before: (key: KvKey) => unknown,
  ): void;
  /** Whether every accepted job has ended. */
  isAtRest(): boolean;
  /** What is kept beside nonces, which the store itself drops in time. */
  leftOver(): KvKey[];
}

/** What a ledger needs to know. */
export interface LedgerOptions {
  readonly mix: Mix;
  readonly model: KvModel;
  scriptOf(requestId: string): Script;
}

/** Leases after which what froze has thawed, and what hung has answered. */
const CALMED_LEASES = 10;

/** Opens the ledger of a world. */
export function openLedger(world: World, options: LedgerOptions): Ledger {
  const { mix, model, scriptOf } = options;
  const jobs = new Map<string, JobFacts>();
  const byRequest = new Map<string, JobFacts>();
  /** Entries for chunks that may never get their job: they go after an hour. */
  const announced = new Set<string>();
  const isPromised = mix.kind !== "beyond";

  function acceptJob(record: JobRecord, by: Process): JobFacts {
    const { id, clientId, requestId } = record;
    const name = `${clientId} ${requestId}`;
    if (byRequest.has(name)) {
      world.blame("one request became two jobs", name);
    }
    const facts: JobFacts = {
      id,
      clientId,
      requestId,
      script: scriptOf(requestId),
      record,
      acceptedAt: world.now(),
      claims: 0,
      holder: undefined,
      writtenAt: world.now(),
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
    if (record.lease !== undefined) {
      facts.claims = 1;
      facts.holder = by;
    }
    jobs.set(id, facts);
    byRequest.set(name, facts);
    world.note(`  accepted: ${requestId}, ${facts.script.kind}`);
    return facts;
  }

  function onJobSet(
    by: Process,
    value: unknown,
    old: unknown,
    isAnswered: boolean,
  ): JobFacts | undefined {
    const record = readJobRecord(value);
    if (record === undefined) return undefined;
    const earlier = jobs.get(record.id);
    if (earlier === undefined) {
      const facts = acceptJob(record, by);
      checkUnfinished(facts);
      return facts;
    }
    if (earlier.removedAt !== undefined) {
      world.blame("a job was accepted again after its removal", record.id);
    }
    if (earlier.endedAt !== undefined) {
      world.blame("an ended job changed", record.requestId);
    }
    const was = readJobRecord(old);
    if (was) followLease(earlier, was, record, isAnswered ? undefined : by);
    earlier.record = record;
    earlier.writtenAt = world.now();
    if (record.status !== "working") endJob(earlier, record);
    return earlier;
  }

  /**
   * Who held the lease, and who holds it now.
   *
   * @param by Who wrote; `undefined` for who told the job an answer.
   */
  function followLease(
    facts: JobFacts,
    was: JobRecord,
    is: JobRecord,
    by: Process | undefined,
  ): void {
    if (is.lease !== undefined && is.lease !== was.lease) {
      if (was.lease !== undefined) {
        world.reach("a lease was taken over");
        const stoodMs = world.now() - facts.writtenAt;
        if (isPromised && stoodMs < mix.leaseMs) {
          world.blame(
            "a lease was taken over before it had stood",
            `${is.requestId}, after ${stoodMs} ms`,
          );
        }
      }
      if (was.lease === undefined) checkWaking(was);
      facts.claims++;
      facts.holder = by;
      facts.suspendedAt = undefined;
      return;
    }
    if (was.lease === undefined) return;
    const isOther = by !== facts.holder;
    if (by && isOther && is.status !== "cancelled" && is.lease !== undefined) {
      world.blame("somebody wrote under another's lease", is.requestId);
    }
    if (is.lease === undefined) {
      facts.suspendedAt = world.now();
      if (is.status !== "working") return;
      facts.hasKilled = false; // it had been given up before it did
      world.reach("a job was suspended");
      if (isPromised && !isOther && is.progress?.fraction !== facts.progress) {
        world.blame("progress was lost", is.requestId);
      }
    }
  }

  /** Who drives itself is there in time, wherever all is well and there is room. */
  function checkWaking({ requestId, dueAt }: JobRecord): void {
    const calmedAt = mix.kind === "calm"
      ? 0
      : mix.chaosMs + CALMED_LEASES * mix.leaseMs;
    const isWell = world.now() > calmedAt && mix.skewMs === 0 &&
      mix.jumps === 0 && isPromised && mix.drives &&
      mix.jobs <= Math.min(mix.concurrency, mix.maxRunning);
    if (!isWell) return;
    world.reach("a job was woken where all is well");
    const lateMs = world.date() - dueAt;
    const soonMs = Math.max(2000, mix.leaseMs) + 20 * mix.network.latencyMs;
    if (lateMs <= soonMs) return;
    world.blame("a job was woken too late", `${requestId}: ${lateMs} ms`);
  }

  function endJob(facts: JobFacts, { status, error }: JobRecord): void {
    facts.endedAt = world.now();
    world.note(`  ended: ${facts.requestId} ${status} ${error?.message ?? ""}`);
    world.reach(`ended ${status}`);
    world.reach(`${facts.script.kind}: ${status}`);
    if (!isPromised || status === "cancelled") return;
    if (status !== facts.script.end) {
      world.blame(
        `a job of kind "${facts.script.kind}" ended ${status}`,
        error?.message,
      );
    }
  }

  function checkUnfinished({ clientId }: JobFacts): void {
    let count = 0;
    for (const facts of jobs.values()) {
      if (facts.clientId === clientId && facts.endedAt === undefined) count++;
    }
    if (count > mix.maxUnfinished) {
      world.blame("a client has more unfinished jobs than it may", clientId);
    }
  }

  function onStepSet(id: string, name: string, value: unknown, old: unknown) {
    const facts = jobs.get(id);
    if (facts === undefined) return;
    const tag = readTag(value, id, model);
    if (old !== undefined) {
      world.blame("a kept value was replaced", `${facts.requestId} ${name}`);
    }
    if (tag !== undefined) facts.kept.set(name, tag);
    facts.hasKilled = false;
  }

  function onDelete(family: string, rest: KvKey): void {
    const facts = jobs.get(String(rest[0]));
    if (facts === undefined) return;
    if (family === "step" && facts.endedAt === undefined) {
      world.blame(
        "a kept value was dropped",
        `${facts.requestId} ${String(rest[1])}`,
      );
    }
    if (family !== "job") return;
    if (facts.endedAt === undefined) {
      world.blame("an unfinished job was removed", facts.requestId);
    } else if (
      isPromised && world.now() < facts.endedAt + mix.retentionMs - 1_000_000
    ) world.blame("a job was removed too soon", facts.requestId);
    facts.removedAt = world.now();
  }

  /** It stands once in each index that is for jobs as it is, and in no other. */
  function checkIndexes({ id, clientId, record }: JobFacts): void {
    const { status, dueAt } = record;
    const isWorking = status === "working";
    const entriesOf = (...index: KvKey) =>
      model.list({ prefix: [...PREFIX, ...index] })
        .filter(({ key, value }) => isAbout(id, key, value));
    const timesOf = (index: string) =>
      entriesOf(index).map(({ key }) => key.at(-2))
        .filter((at) => !announced.has(`${String(at)} ${id}`)).join();
    if (timesOf(isWorking ? "due" : "gone") !== String(dueAt)) {
      world.blame("a job is not due as its record says", id);
    }
    if (timesOf(isWorking ? "gone" : "due") !== "") {
      world.blame("a job is due for what it is not", id);
    }
    if (entriesOf("active", clientId).length !== Number(isWorking)) {
      world.blame("a job is counted though it ended, or is not counted", id);
    }
    if (
      entriesOf("owner", clientId).length !== 1 ||
      entriesOf("ended", clientId, status).length !== Number(!isWorking)
    ) world.blame("a job is not listed once", id);
  }

  return {
    jobs,
    find: (clientId, requestId) => byRequest.get(`${clientId} ${requestId}`),

    onLanded(by, mutations, before) {
      const touched = new Set<JobFacts>();
      for (const mutation of mutations) {
        const parts = partsOf(mutation.key);
        if (parts === undefined) continue;
        const { family, rest } = parts;
        if (mutation.kind === "delete") {
          onDelete(family, rest);
        } else if (family === "job") {
          const facts = onJobSet(
            by,
            mutation.value,
            before(mutation.key),
            mutations.some(({ key }) => isAnswer(key)),
          );
          if (facts) touched.add(facts);
        } else if (family === "gone" && mutations.length === 1) {
          announced.add(rest.map(String).join(" "));
        } else if (family === "step") {
          const [id, name] = rest.map(String);
          onStepSet(id, name, mutation.value, before(mutation.key));
        }
      }
      touched.forEach(checkIndexes);
    },

    isAtRest: () => jobs.values().every(({ endedAt }) => endedAt !== undefined),

    leftOver: () =>
      model.list({ prefix: PREFIX }).map(({ key }) => key)
        .filter((key) => partsOf(key)?.family !== "nonce"),
  };
}
