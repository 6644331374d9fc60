/**
 * One attempt of a job: its tool, run until it returns, throws, gives way or
 * loses its lease.
 *
 * @module
 */

import { canonicalJson } from "../json/canonical_json.ts";
import { TerminalError } from "../errors.ts";
import type { KvLike } from "../kv/kv.ts";
import type { Log } from "../log.ts";
import type { Timing } from "../timing.ts";
import { check, sentence } from "../tool/schema.ts";
import { runTool } from "../tool/run.ts";
import { checkFraction, type JobContext, type Tool } from "../tool/tool.ts";
import type { Ending } from "./ending.ts";
import type { Job } from "./job.ts";
import { createJournal, type Journal } from "./journal.ts";
import type { Lease } from "./lease.ts";
import { logFields, LONGEST_MESSAGE } from "./log_fields.ts";
import type { JobStore } from "./store.ts";

/** What an attempt needs. */
export interface Attempt {
  readonly job: Job;
  readonly lease: Lease;
  /** `undefined` where this server has no such job tool. */
  readonly tool: Tool | undefined;
  readonly store: JobStore;
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
  readonly advanced: () => void;
  readonly log: Log;
  readonly timing: Timing;
}

/** Makes an attempt; only a store that fails throws. */
export async function runAttempt(options: Attempt): Promise<Ending> {
  const { job, lease, tool, store, sliceEnd, leaving, stopping, timing } =
    options;
  if (!tool?.job) {
    const message =
      `No instance has had the job tool "${job.tool}" for an hour`;
    const error = new TerminalError(message);
    return { kind: "threw", error };
  }
  if (job.failures >= tool.job.attempts) {
    const error = new TerminalError("Every attempt was cut short");
    return { kind: "threw", error };
  }
  const args = await readArgs(job, tool, store);
  if (!args.ok) return { kind: "threw", error: args.error };
  if (leaving.aborted) return { kind: "gave way", dueAt: timing.now() };
  // A first run has nothing to replay, and costs no read.
  const kept = job.runs > 1 ? await store.steps(job.id) : new Map();
  return await withinScope([lease.signal, stopping], (over, resolve) => {
    let steps: Journal;
    over.addEventListener("abort", () =>
      resolve(
        lease.signal.aborted
          ? { kind: "lost" }
          : { kind: "gave way", dueAt: timing.now() },
      ));
    runTool(tool, args.value, over, (signal) => {
      const suspend = (dueAt: number, questions: Job["questions"]) =>
        resolve({ kind: "gave way", dueAt, questions });
      const { questions } = job;
      steps = createJournal({
        jobId: job.id,
        kept,
        questions,
        lease,
        signal,
        sliceEnd,
        suspend,
        timing,
      });
      return contextOf(options, signal, steps);
    }, timing).then((value) => {
      steps.finish();
      canonicalJson(value); // nothing is kept that could not be sent
      resolve({ kind: "returned", value });
    }).catch((error) => resolve({ kind: "threw", error }));
  });
}

/**
 * The arguments as the schema of today makes them of what came. What `prepare`
 * returned is the tool's own, and version 0.1 kept what the schema had made.
 */
async function readArgs(
  job: Job,
  tool: Tool,
  store: JobStore,
): Promise<{ ok: true; value: unknown } | { ok: false; error: TerminalError }> {
  const kept = await store.value(job, job.args);
  if (job.given !== undefined) return { ok: true, value: kept };
  const checked = check(tool.input, kept);
  if (checked.ok) return checked;
  if (job.place === undefined) return { ok: true, value: kept };
  const message = "The job's arguments are not what its tool takes any more: " +
    sentence(checked.issues);
  return { ok: false, error: new TerminalError(message) };
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
  try {
    return await new Promise((resolve) => {
      run(scope.signal, resolve);
      const aborted = signals.find((signal) => signal.aborted);
      if (aborted) scope.abort(aborted.reason);
    });
  } finally {
    for (const signal of signals) signal.removeEventListener("abort", stop);
    scope.abort(new Error("The job's attempt is over"));
  }
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
    progress(fraction, message) {
      checkFraction(fraction);
      const words = message?.slice(0, LONGEST_MESSAGE);
      lease.report({ fraction, ...words && { message: words } });
    },
    log: (message, fields) =>
      log("info", message, { ...fields, ...logFields(job) }),
  };
}
