/**
 * One attempt of a job: its tool, run until it returns, throws, gives way or
 * loses its lease.
 *
 * @module
 */

import { TerminalError } from "../errors.ts";
import type { KvLike } from "../kv/kv.ts";
import type { Log } from "../log.ts";
import { cut } from "../text.ts";
import type { Timing } from "../timing.ts";
import { check, sentence } from "../tool/check.ts";
import { runTool } from "../tool/run.ts";
import type { JobContext } from "../tool/context.ts";
import { checkFraction, type Tool } from "../tool/tool.ts";
import type { Ending } from "./ending.ts";
import { advance, type Job } from "./job.ts";
import { countKept, createJournal, type Journal } from "./journal.ts";
import { writeKept } from "./keeper.ts";
import type { Lease } from "./lease.ts";
import { logFields, LONGEST_MESSAGE } from "./log_fields.ts";
import type { JobStore, StepOutcome } from "./store.ts";

/** What an attempt needs. */
export interface Attempt {
  readonly job: Job;
  readonly lease: Lease;
  /** `undefined` where this server has no such job tool. */
  readonly tool: Tool | undefined;
  readonly store: JobStore;
  /** Most characters of JSON that the steps of a job may keep together. */
  readonly maxJobBytes: number;
  /** The tool's own KV. */
  readonly kv: KvLike;
  /** The platform's environment. */
  readonly env: unknown;
  /** Unix milliseconds after which no step but the first is begun here. */
  readonly sliceEnd: number;
  /** Aborted when no step may be begun here any more. */
  readonly leaving: AbortSignal;
  /** Aborted when none may go on here. */
  readonly stopping: AbortSignal;
  /** Called when the job has got further than any attempt before. */
  readonly advanced: () => unknown;
  readonly log: Log;
  readonly timing: Timing;
}

/** What an attempt begins with. */
interface Beginning {
  readonly tool: Tool;
  readonly args: unknown;
  readonly kept: ReadonlyMap<string, StepOutcome>;
}

/** Makes an attempt; only a store that fails throws. */
export async function runAttempt(options: Attempt): Promise<Ending> {
  const { leaving, stopping, lease, timing } = options;
  const begun = await beginAttempt(options);
  if ("kind" in begun) return begun;
  // The tool's own beginning is no step, and yet needs the lease (L2).
  if (!await lease.hold()) return { kind: "lost" };
  let journal: Journal | undefined;
  const leave = () => journal?.leaveSoon();
  leaving.addEventListener("abort", leave, { once: true });
  try {
    return await withinScope([lease.signal, stopping], (over, resolve) => {
      const kept = () => journal?.kept() ?? countKept(begun.kept);
      over.addEventListener("abort", () =>
        resolve(
          lease.signal.aborted
            ? { kind: "lost" }
            : { kind: "gave way", dueAt: timing.now(), kept: kept() },
        ));
      // Whoever stops waits for nobody who has not begun.
      if (leaving.aborted || stopping.aborted || lease.signal.aborted) {
        return resolve({ kind: "gave way", dueAt: timing.now(), kept: kept() });
      }
      runTool(begun.tool, begun.args, over, () => {
        journal = openJournal(
          options,
          begun,
          over,
          (dueAt, questions) =>
            resolve({ kind: "gave way", dueAt, questions, kept: kept() }),
        );
        return contextOf(options, over, journal);
      }, timing).then((value) => {
        journal?.finish();
        writeKept("the result", value); // or nothing could send it
        resolve({ kind: "returned", value, kept: kept() });
      }).catch((error) => {
        const isFinal = journal?.isKept(error) ?? false;
        resolve({ kind: "threw", error, kept: kept(), isFinal });
      });
    });
  } finally {
    leaving.removeEventListener("abort", leave);
  }
}

/** Reads what an attempt begins with, unless there is nothing to attempt. */
async function beginAttempt(
  { job, lease, tool, store }: Attempt,
): Promise<Beginning | Ending> {
  const refuse = (message: string): Ending => {
    return { kind: "threw", error: new TerminalError(message), kept: 0 };
  };
  if (!tool?.job) {
    return refuse(`No instance has had the job tool "${job.tool}" for an hour`);
  }
  // A first run has nothing to replay, and costs no read.
  const kept = job.runs > 1 ? await store.steps(job.id) : new Map();
  const known = advance(job, countKept(kept));
  if (known !== job && (job.crashes ?? 0) > 1) {
    // It got further before it died: that was the first time since then.
    await lease.tell({ crashes: 1, strikes: 0, kept: known.kept });
  } else if ((job.crashes ?? 0) >= tool.job.attempts) {
    return refuse("Every attempt was cut short");
  }
  const args = await store.value(job, job.args);
  // What `prepare` returned is the tool's own, and is given as it is.
  if (job.given !== undefined) return { tool, args, kept };
  const checked = check(tool.input, args);
  if (checked.ok) return { tool, args: checked.value, kept };
  // Version 0.1 kept what the schema had made of the arguments.
  if (job.place === undefined) return { tool, args, kept };
  return refuse(
    "The job's arguments are not what its tool takes any more: " +
      sentence(checked.issues),
  );
}

function openJournal(
  options: Attempt,
  { kept }: Beginning,
  signal: AbortSignal,
  suspend: (dueAt: number, questions: Job["questions"]) => void,
): Journal {
  const { job, store } = options;
  return createJournal({
    ...options,
    kept,
    signal,
    suspend,
    readSteps: () => store.steps(job.id),
  });
}

/**
 * Runs an attempt until it resolves. Whatever it hung on signals that outlive
 * it goes with it, and its own signal is aborted: nothing of it runs on.
 */
async function withinScope(
  signals: readonly AbortSignal[],
  run: (over: AbortSignal, resolve: (ending: Ending) => void) => void,
): Promise<Ending> {
  const scope = new AbortController();
  const stop = ({ target }: Event) =>
    scope.abort((target as AbortSignal).reason);
  for (const signal of signals) {
    signal.addEventListener("abort", stop, { once: true });
  }
  const ending = await new Promise<Ending>((resolve) =>
    run(scope.signal, resolve)
  );
  for (const signal of signals) signal.removeEventListener("abort", stop);
  scope.abort(
    ending.kind === "threw"
      ? ending.error
      : new Error("The job's attempt is over"),
  );
  return ending;
}

function contextOf(
  { job, lease, env, kv, log }: Attempt,
  signal: AbortSignal,
  { step, sleep, ask }: Journal,
): JobContext {
  return {
    clientId: job.clientId,
    requestId: job.requestId,
    signal,
    env,
    kv,
    attempt: job.failures + 1,
    step,
    sleep,
    ask,
    canAsk: (kind) => kind === "form" || kind === "url",
    progress(told, message) {
      const fraction = checkFraction(told);
      const words = message && cut(message, LONGEST_MESSAGE);
      lease.report({ fraction, ...words && { message: words } });
    },
    log: (message, fields) =>
      log("info", message, { ...fields, ...logFields(job) }),
  };
}
