/**
 * The ledger: what truly happened to every job, seen from outside. It watches
 * commits land, and is told by bodies and by clients; it never asks the engine.
 */
import type { KvKey } from "../../src/kv/kv.ts";
import { checkIndexes } from "./index_ledger.ts";
import { type Books, type JobFacts, newFacts } from "./job_facts.ts";
import type { KvModel, Mutation } from "./kv_model.ts";
import { followLease } from "./lease_ledger.ts";
import { CLOCKS_APART_MS, type Mix } from "./mix.ts";
import type { Process } from "./process.ts";
import {
  isAnswer,
  type JobRecord,
  type KeyParts,
  partsOf,
  PREFIX,
  readJobRecord,
  readTag,
} from "./records.ts";
import { BRITTLE_ATTEMPTS, type Script } from "./scripts.ts";
import type { World } from "./world.ts";

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

/** Opens the ledger of a world. */
export function openLedger(
  world: World,
  { mix, model, scriptOf }: LedgerOptions,
): Ledger {
  const books: Books = {
    world,
    mix,
    model,
    isPromised: mix.kind !== "beyond",
    jobs: new Map(),
    byRequest: new Map(),
    announced: new Set(),
  };
  const { jobs, byRequest } = books;

  function acceptJob(record: JobRecord, by: Process): JobFacts {
    const { id, clientId, requestId } = record;
    const name = `${clientId} ${requestId}`;
    if (byRequest.has(name)) {
      world.blame("one request became two jobs", name);
    }
    const facts = newFacts(record, scriptOf(requestId), by, world.now());
    jobs.set(id, facts);
    byRequest.set(name, facts);
    world.note(`  accepted: ${requestId}, ${facts.script.kind}`);
    checkUnfinished(books, facts);
    return facts;
  }

  return {
    jobs,
    find: (clientId, requestId) => byRequest.get(`${clientId} ${requestId}`),

    onLanded(by, mutations, before) {
      const touched = new Set<JobFacts>();
      for (const mutation of mutations) {
        const { key } = mutation;
        const parts = partsOf(key);
        if (parts === undefined) continue;
        const { family, rest } = parts;
        if (mutation.kind === "delete") seeDelete(books, parts);
        else if (family === "gone" && mutations.length === 1) {
          books.announced.add(rest.map(String).join(" "));
        } else if (family === "step") {
          seeStep(books, rest.map(String), mutation.value, before(key));
        } else if (family === "job") {
          const record = readJobRecord(mutation.value);
          if (record === undefined) continue;
          const earlier = jobs.get(record.id);
          touched.add(earlier ?? acceptJob(record, by));
          const isAnswered = mutations.some(({ key }) => isAnswer(key));
          const was = readJobRecord(before(key));
          const writer = isAnswered ? undefined : by;
          if (earlier) seeChange(books, earlier, was, record, writer);
        }
      }
      for (const facts of touched) checkIndexes(books, facts);
    },

    isAtRest: () => jobs.values().every(({ endedAt }) => endedAt !== undefined),

    leftOver: () =>
      model.list({ prefix: PREFIX }).map(({ key }) => key)
        .filter((key) => partsOf(key)?.family !== "nonce"),
  };
}

function seeChange(
  books: Books,
  facts: JobFacts,
  was: JobRecord | undefined,
  is: JobRecord,
  by: Process | undefined,
): void {
  const { world } = books;
  if (facts.removedAt !== undefined) {
    world.blame("a job was accepted again after its removal", is.id);
  }
  if (facts.endedAt !== undefined) {
    world.blame("an ended job changed", is.requestId);
  }
  if (was) followLease(books, facts, was, is, by);
  facts.record = is;
  facts.writtenAt = world.now();
  if (is.status !== "working") endJob(books, facts, is);
}

function endJob(
  { world, isPromised }: Books,
  facts: JobFacts,
  { status, error }: JobRecord,
): void {
  facts.endedAt = world.now();
  world.note(`  ended: ${facts.requestId} ${status} ${error?.message ?? ""}`);
  world.reach(`ended ${status}`);
  world.reach(`${facts.script.kind}: ${status}`);
  if (!isPromised || status === "cancelled") return;
  const { kind, end } = facts.script;
  if (status !== end) {
    world.blame(`a job of kind "${kind}" ended ${status}`, error?.message);
  }
  const wasCutShort = error?.message.includes("cut short");
  if (kind === "gives up" && !wasCutShort && thrown(facts) < BRITTLE_ATTEMPTS) {
    world.blame("a job was given up too soon", facts.requestId);
  }
}

/** How often a job threw what it was to throw: stops cost it no attempt. */
function thrown({ script: { actions }, begun }: JobFacts): number {
  const names = actions.flatMap((action) =>
    action.do === "throw" ? [action.name] : []
  );
  return Math.max(0, ...names.map((name) => begun.get(name) ?? 0));
}

function checkUnfinished(
  { world, mix, jobs }: Books,
  { clientId }: JobFacts,
): void {
  let count = 0;
  for (const facts of jobs.values()) {
    if (facts.clientId === clientId && facts.endedAt === undefined) count++;
  }
  if (count > mix.maxUnfinished) {
    world.blame("a client has more unfinished jobs than it may", clientId);
  }
}

function seeStep(
  { world, model, jobs }: Books,
  [id, name]: readonly string[],
  value: unknown,
  old: unknown,
): void {
  const facts = jobs.get(id);
  if (facts === undefined) return;
  const tag = readTag(value, id, model);
  if (old !== undefined) {
    world.blame("a kept value was replaced", `${facts.requestId} ${name}`);
  }
  if (tag !== undefined) facts.kept.set(name, tag);
  facts.hasKilled = false;
}

function seeDelete(
  { world, mix, jobs, isPromised }: Books,
  { family, rest }: KeyParts,
): void {
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
    isPromised &&
    world.now() < facts.endedAt + mix.retentionMs - CLOCKS_APART_MS
  ) world.blame("a job was removed too soon", facts.requestId);
  facts.removedAt = world.now();
}
