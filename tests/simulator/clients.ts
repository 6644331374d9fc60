/** The clients of a world: they start jobs, and follow each to its end. */
import { CountersignError } from "../../src/errors.ts";
import type { Fleet } from "./fleet.ts";
import type { Ledger } from "./ledger.ts";
import type { Mix } from "./mix.ts";
import type { Order, Reply } from "./orders.ts";
import { toolOf } from "./tools.ts";
import { openWitness, type Witness } from "./witness.ts";
import type { World } from "./world.ts";

/** The clients of a world. */
export interface Clients {
  /** Whether every order was accepted, and its end told. */
  areDone(): boolean;
  /** Orders that are still without an answer. */
  unanswered(): string[];
}

/** What clients work with. */
export interface ClientsOptions {
  readonly mix: Mix;
  readonly fleet: Fleet;
  readonly ledger: Ledger;
  readonly orders: readonly Order[];
}

type Call = (
  clientId: string,
  name: string,
  args: unknown,
  requestId?: string,
) => Promise<Reply>;

const NETWORK_MS = 3;

/** Lets clients do what they do. */
export function startClients(world: World, options: ClientsOptions): Clients {
  const { mix, orders, ledger } = options;
  const { load } = world.streams;
  const call = createCall(world, options);
  const witness = openWitness(world, mix, ledger);
  const open = new Set<string>();

  function begin(order: Order, session: number): void {
    const name = `${order.requestId}.${session}`;
    open.add(name);
    world.schedule(load.between(0, mix.startsMs), "answer", undefined, () => {
      follow(world, order, call, witness, options)
        .then(() => open.delete(name))
        .catch((error) => world.blame("a client failed", error.stack));
    });
  }
  for (const order of orders) {
    begin(order, 1);
    if (load.chance(mix.repeats)) begin(order, 2);
  }
  if (load.chance(mix.lists)) {
    world.schedule(load.between(1, mix.chaosMs), "answer", undefined, () => {
      listAll(world, orders[0].clientId, call, witness)
        .catch((error) => world.blame("a client failed", error.stack));
    });
  }
  return {
    areDone: () => open.size === 0,
    unanswered: () => [...open],
  };
}

/** A call is signed anew each time that it is sent. */
function createCall(world: World, { mix, fleet }: ClientsOptions): Call {
  const { load, schedule } = world.streams;
  let nonces = 0;

  return (clientId, name, args, requestId = `call ${nonces}`) => {
    const nonce = `n${nonces++}`;
    const travelMs = () => schedule.between(0, NETWORK_MS);
    const living = fleet.living();
    if (living.length === 0) return Promise.resolve({ kind: "lost" });
    const { process, engine } = load.pick(living);
    const gone = new AbortController();
    return new Promise((resolve) => {
      const reply = (reply: Reply) =>
        world.schedule(travelMs(), "answer", undefined, () => resolve(reply));
      world.schedule(mix.giveUpMs, "answer", undefined, () => {
        resolve({ kind: "lost" });
        if (process.isFrozen || process.isDead) return;
        gone.abort(new Error("The caller is gone"));
      });
      world.schedule(travelMs(), "answer", process, () => {
        const { signal } = gone;
        engine.answer({ requestId, name, args, signal }, { clientId, nonce })
          .then((outcome) => reply({ kind: "answered", outcome }), (error) => {
            if (error instanceof CountersignError) {
              return reply({ kind: "refused", error });
            }
            world.note(`${process.name} fails to answer: ${error?.message}`);
            reply({ kind: "lost" });
          });
      });
    });
  };
}

/** Waits as a client does, whose machine never fails. */
function pause(world: World, ms: number): Promise<void> {
  return new Promise((resolve) =>
    world.schedule(ms, "answer", undefined, resolve)
  );
}

/** Starts a job, and follows it to its end. */
async function follow(
  world: World,
  order: Order,
  call: Call,
  witness: Witness,
  { mix, ledger }: ClientsOptions,
): Promise<void> {
  const { load } = world.streams;
  const { clientId } = order;
  const jobId = await start(world, order, call, witness);
  const cancelsIn = load.chance(mix.cancels) ? load.between(0, 5) : Infinity;
  for (let polls = 0;; polls++) {
    if (load.chance(0.05)) await trespass(order, jobId, call, witness);
    if (polls === cancelsIn) await cancel(order, jobId, call, witness);
    const wait_ms = load.pick([0, mix.leaseMs, mix.leaseMs * 2]);
    const sent = world.now();
    const reply = await call(clientId, "poll_job", { job_id: jobId, wait_ms });
    if (reply.kind === "answered") {
      const { outcome } = reply;
      if (outcome.kind === "ok") throw new Error("A poll tells of a job");
      witness.seePoll(order, outcome, sent);
      if (outcome.kind === "running") {
        const names = Object.keys(outcome.job.questions ?? {});
        if (names.length > 0 && load.chance(0.7)) {
          await answer(order, jobId, names, call, witness, ledger);
        }
      } else if (load.chance(0.7)) return;
    } else if (reply.kind === "refused") {
      if (reply.error.code === "job_not_found") {
        return witness.seeNotFound(order, sent);
      }
      witness.seeRefusal(order, "poll_job", reply.error);
    }
    await pause(world, load.between(1, mix.leaseMs * (1 + polls / 4)));
  }
}

async function start(
  world: World,
  order: Order,
  call: Call,
  witness: Witness,
): Promise<string> {
  const { clientId, requestId, number, script } = order;
  const { load } = world.streams;
  const args = { number, padding: "p".repeat(script.argsBytes) };
  for (let tries = 1;; tries++) {
    const sent = world.now();
    const reply = await call(clientId, toolOf(script), args, requestId);
    if (reply.kind === "answered") {
      const { outcome } = reply;
      if (outcome.kind === "ok") throw new Error("A start tells of a job");
      witness.seeStart(order, outcome, sent);
      return outcome.job.id;
    }
    if (reply.kind === "refused") {
      // Who is told of a bad end is told of its job, too.
      const { jobId } = reply.error;
      if (jobId !== undefined) return jobId;
      witness.seeRefusal(order, "start", reply.error);
    }
    world.reach("a start was sent again");
    await pause(world, load.between(1, 100 * Math.min(tries, 50)));
  }
}

/** Does what nobody may: another's job, another job under the same request. */
async function trespass(
  { clientId, requestId, number, script }: Order,
  jobId: string,
  call: Call,
  witness: Witness,
): Promise<void> {
  const stranger = "stranger";
  const args = { number: number + 1000, padding: "" };
  witness.seeTrespass(
    "poll_job",
    "job_not_found",
    await call(stranger, "poll_job", { job_id: jobId }),
  );
  witness.seeTrespass(
    "start",
    "idempotency_conflict",
    await call(clientId, toolOf(script), args, requestId),
  );
}

async function cancel(
  order: Order,
  jobId: string,
  call: Call,
  witness: Witness,
): Promise<void> {
  const reply = await call(order.clientId, "cancel_job", { job_id: jobId });
  if (reply.kind === "answered") witness.seeCancelled(order);
  else if (reply.kind === "refused") {
    witness.seeRefusal(order, "cancel_job", reply.error);
  }
}

/** Answers questions; often somebody has done so before, and sometimes wrongly. */
async function answer(
  order: Order,
  jobId: string,
  names: readonly string[],
  call: Call,
  witness: Witness,
  ledger: Ledger,
): Promise<void> {
  const { clientId, requestId } = order;
  const facts = ledger.find(clientId, requestId);
  const wrongly = { no_question: { action: "accept", content: { say: "" } } };
  const badly = { [names[0]]: { action: "accept", content: { say: 7 } } };
  for (const answers of [wrongly, badly]) {
    const reply = await call(clientId, "answer_job", {
      job_id: jobId,
      answers,
    });
    witness.seeTrespass("answer_job", "invalid_args", reply);
  }
  const says = names.map((name) => {
    const say = `<<${name}!${facts?.answers.size}>>`;
    facts?.answers.add(say);
    return [name, say] as const;
  });
  const answers = Object.fromEntries(
    says.map(([name, say]) => [name, { action: "accept", content: { say } }]),
  );
  const reply = await call(clientId, "answer_job", { job_id: jobId, answers });
  if (reply.kind === "answered") witness.seeAnswered(order, says);
  else if (reply.kind === "refused") {
    witness.seeRefusal(order, "answer_job", reply.error);
  }
}

/** Walks through all pages of a list. */
async function listAll(
  world: World,
  clientId: string,
  call: Call,
  witness: Witness,
): Promise<void> {
  const began = world.now();
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const args = { limit: 2, ...cursor !== undefined && { cursor } };
    const reply = await call(clientId, "list_jobs", args);
    if (reply.kind !== "answered" || reply.outcome.kind !== "ok") return;
    const page = reply.outcome.result as {
      jobs: { job_id: string }[];
      cursor?: string;
    };
    ids.push(...page.jobs.map(({ job_id }) => job_id));
    cursor = page.cursor;
  } while (cursor !== undefined);
  witness.seeList(clientId, ids, began);
}
