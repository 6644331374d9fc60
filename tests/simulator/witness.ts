/** Holds what clients are told against what truly happened. */
import type { JobOutcome } from "../../src/job/outcome.ts";
import type { CountersignError } from "../../src/errors.ts";
import type { Ledger } from "./ledger.ts";
import type { Mix } from "./mix.ts";
import type { Order, Reply } from "./orders.ts";
import type { World } from "./world.ts";

/** Hears what clients are told. */
export interface Witness {
  /** @param sent When the call was sent, in the world's time. */
  seeStart(order: Order, outcome: JobOutcome, sent: number): void;
  seePoll(order: Order, outcome: JobOutcome, sent: number): void;
  seeNotFound(order: Order, sent: number): void;
  seeCancelled(order: Order): void;
  seeAnswered(order: Order, says: readonly (readonly [string, string])[]): void;
  seeRefusal(order: Order, call: string, error: CountersignError): void;
  /** Of what must be refused with a code. */
  seeTrespass(call: string, code: string, reply: Reply): void;
  seeList(clientId: string, ids: readonly string[], began: number): void;
}

/** Refusals that may come of a call that is right. */
const PLAUSIBLE: Readonly<Record<string, readonly string[]>> = {
  start: ["unavailable", "too_many_jobs", "unknown_tool"],
  poll_job: ["unavailable"],
  answer_job: ["unavailable", "job_not_found", "invalid_args"],
  cancel_job: ["unavailable", "job_not_found"],
};

/** What a witness holds clients' words against. */
interface Parts {
  readonly world: World;
  readonly mix: Mix;
  readonly ledger: Ledger;
  /** The id that each request was told. */
  readonly ids: Map<string, string>;
}

/** Begins to listen. */
export function openWitness(world: World, mix: Mix, ledger: Ledger): Witness {
  const parts: Parts = { world, mix, ledger, ids: new Map() };
  return {
    seeStart: (order, outcome, sent) => seeStart(parts, order, outcome, sent),
    seePoll: (order, outcome, sent) => checkState(parts, order, outcome, sent),
    seeAnswered: (order, says) => seeAnswered(parts, order, says),
    seeRefusal: (order, call, error) => seeRefusal(parts, order, call, error),
    seeList: (clientId, ids, began) => seeList(parts, clientId, ids, began),

    seeNotFound(order, sent) {
      const facts = ledger.find(order.clientId, order.requestId);
      // A job that runs long after the chaos may have been removed since.
      if (facts?.removedAt !== undefined) return;
      const details = `asked at ${sent}`;
      blame(parts, "an accepted job was not found", order, details);
    },

    seeCancelled(order) {
      const facts = ledger.find(order.clientId, order.requestId);
      if (facts?.endedAt !== undefined) return;
      blame(parts, "a cancelled job went on", order);
    },

    seeTrespass(call, code, reply) {
      if (reply.kind === "lost") return;
      const told = reply.kind === "refused" ? reply.error.code : reply.kind;
      // It may have been removed meanwhile, or the tool not be there yet.
      if (told === code || PLAUSIBLE[call].includes(told)) return;
      world.blame(`a ${call} that must be refused was ${told}`);
    },
  };
}

function nameOf({ clientId, requestId }: Order): string {
  return `${clientId} ${requestId}`;
}

function blame(
  { world, mix }: Parts,
  violation: string,
  order: Order,
  details = "",
): void {
  if (mix.kind === "beyond") return;
  world.blame(violation, `${nameOf(order)} ${details}`);
}

function seeStart(
  parts: Parts,
  order: Order,
  outcome: JobOutcome,
  sent: number,
): void {
  const { world, ledger, ids } = parts;
  const name = nameOf(order);
  const { id } = outcome.job;
  if ((ids.get(name) ?? id) !== id) {
    world.blame("one request was told two ids", name);
  }
  ids.set(name, id);
  if (outcome.kind !== "accepted") {
    world.reach("a start was answered with its end");
    checkState(parts, order, outcome, sent);
  } else if (ledger.find(order.clientId, order.requestId) === undefined) {
    world.blame("a start was answered, but never accepted", name);
  }
}

/** What a client is told now was true at some time since it asked. */
function checkState(
  parts: Parts,
  order: Order,
  outcome: JobOutcome,
  sent: number,
): void {
  const { world, ledger } = parts;
  const facts = ledger.find(order.clientId, order.requestId);
  if (facts === undefined) {
    world.blame("a job was told of that was never accepted", nameOf(order));
    return;
  }
  const { endedAt, record } = facts;
  const isEnd = outcome.kind === "done" || outcome.kind === "ended";
  if (!isEnd && endedAt !== undefined && endedAt < sent) {
    blame(parts, "an ended job was told of as running", order);
  }
  if (isEnd && outcome.job.status !== record.status) {
    blame(parts, "an end was told that is not recorded", order);
  }
  if (outcome.kind === "done") checkResult(parts, order, outcome.result);
}

/** A result carries what was kept, and nothing that was not. */
function checkResult(parts: Parts, order: Order, result: unknown): void {
  const facts = parts.ledger.find(order.clientId, order.requestId);
  if (!Array.isArray(result)) {
    return blame(parts, "a result is not what its tool returned", order);
  }
  for (const [name, mark] of result as [string, string][]) {
    const taken = facts?.taken.get(name);
    if (taken !== undefined && taken !== mark) {
      blame(parts, "an answer that was taken was not told", order, taken);
    }
    const kept = facts?.kept.get(name);
    if (kept !== undefined && kept !== mark) {
      const details = `${name} ${mark}`;
      blame(parts, "a result differs from what was kept", order, details);
    }
  }
}

function seeAnswered(
  parts: Parts,
  order: Order,
  says: readonly (readonly [string, string])[],
): void {
  const facts = parts.ledger.find(order.clientId, order.requestId);
  for (const [name, say] of says) {
    const earlier = facts?.taken.get(name);
    if (earlier) blame(parts, "two answers to one question were taken", order);
    facts?.taken.set(name, say);
    parts.world.reach("an answer was taken");
  }
}

function seeRefusal(
  parts: Parts,
  order: Order,
  call: string,
  error: CountersignError,
): void {
  if (error.code === "replayed") {
    // Each was signed anew: only the engine itself can have spent it.
    blame(parts, "a start that was accepted was answered `replayed`", order);
  } else if (!PLAUSIBLE[call]?.includes(error.code)) {
    blame(parts, `${call} was refused as ${error.code}`, order, error.message);
  }
}

function seeList(
  { world, ledger }: Parts,
  clientId: string,
  listed: readonly string[],
  began: number,
): void {
  if (new Set(listed).size < listed.length) {
    world.blame("a list names a job twice", clientId);
  }
  for (const { id, requestId, ...facts } of ledger.jobs.values()) {
    const mustBeThere = facts.clientId === clientId &&
      facts.acceptedAt < began && facts.removedAt === undefined;
    if (!mustBeThere || listed.includes(id)) continue;
    world.blame("a list leaves a job out", requestId);
  }
  world.reach("a list was walked through");
}
