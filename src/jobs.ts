/**
 * Jobs as dispatch knows them: start one, look one up for its owner, end one.
 *
 * @module
 */

import { canonicalJson } from "./canonical_json.ts";
import { CountersignError } from "./errors.ts";
import { sign } from "./hmac.ts";
import { accept, answered, isFinal, type Job } from "./job/job.ts";
import { answerStep } from "./job/steps.ts";
import type { Held, JobStore } from "./job/store.ts";
import type { Worker } from "./job/worker.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import type { Nonce } from "./replay.ts";
import type { Tool } from "./tool.ts";

/** What a job is started with. */
export interface Start {
  readonly clientId: string;
  readonly requestId: string;
  readonly name: string;
  readonly tool: Tool;
  readonly args: unknown;
  readonly nonce: Nonce | undefined;
}

/** Runs work that outlives the answer; on Workers through `waitUntil`. */
export interface Background {
  /** The platform's environment, for the tools that run. */
  readonly env: unknown;
  /** Keeps the instance alive for the work. */
  run(work: Promise<unknown>): void;
  /** Milliseconds that such work may take here. */
  readonly sliceMs: number;
}

/** A job as its owner may see it. */
export interface View {
  readonly job: Job;
  readonly outcome: Outcome;
}

/** The jobs of a server. */
export interface Jobs {
  /**
   * Accepts a job, or answers the one that this request started before.
   *
   * @throws {CountersignError} `replayed`, `idempotency_conflict` or `too_many_jobs`
   */
  start(start: Start, background: Background): Promise<Outcome>;
  /**
   * Tells the owner how a job stands, waiting up to `waitMs` for it to change.
   *
   * @throws {CountersignError} `job_not_found`
   */
  poll(
    id: string,
    clientId: string,
    waitMs: number,
    signal: AbortSignal,
    background: Background,
  ): Promise<Outcome>;
  /**
   * Tells the owner all of a job, and drives it if nobody does.
   *
   * @throws {CountersignError} `job_not_found`
   */
  view(id: string, clientId: string, background: Background): Promise<View>;
  /**
   * Yields a job as it stands and at every change that its owner can see, until
   * it ends, is removed, or the signal is aborted.
   *
   * @throws {CountersignError} `job_not_found`
   */
  follow(
    id: string,
    clientId: string,
    signal: AbortSignal,
    background: Background,
  ): AsyncGenerator<View, void>;
  /**
   * Answers questions of a job; names that it does not ask for are ignored.
   *
   * @throws {CountersignError} `job_not_found`, or `unavailable` while it runs
   */
  answer(
    id: string,
    clientId: string,
    answers: Readonly<Record<string, unknown>>,
    background: Background,
  ): Promise<Job>;
  /**
   * Ends a job for its owner; one that has ended stays as it is.
   *
   * @throws {CountersignError} `job_not_found`
   */
  cancel(id: string, clientId: string): Promise<Job>;
}

/** Options for {@linkcode createJobs}. */
export interface JobsOptions {
  readonly store: JobStore;
  readonly worker: Worker;
  /** Derives job ids; non-extractable. */
  readonly idKey: CryptoKey;
  readonly leaseMs: number;
  /** Most unfinished jobs that a client may have. */
  readonly maxUnfinished: number;
  /** Current time, in Unix milliseconds. */
  readonly now: () => number;
}

/** Longest and shortest that following a job waits before it looks again. */
const FOLLOW_MS = 20_000;
const MIN_FOLLOW_MS = 200;
/** How long an answer waits for a job that runs. */
const PATIENCE_MS = 10_000;

/** Puts store and worker together. */
export function createJobs(options: JobsOptions): Jobs {
  const { store, worker, idKey, leaseMs, maxUnfinished, now } = options;

  async function owned(id: string, clientId: string): Promise<Held> {
    const held = await store.read(id);
    // Somebody else's job reads exactly like one that never was.
    if (held?.job.clientId === clientId) return held;
    throw new CountersignError(
      "job_not_found",
      "No job of yours has this id; finished jobs are kept for a while only",
    );
  }

  return {
    async start({ clientId, requestId, name, tool, args, nonce }, background) {
      // The alphabet of ids has no line feed: the text is unambiguous.
      const text = `${clientId}\n${requestId}`;
      const [mac, unfinished] = await Promise.all([
        sign(idKey, text),
        store.unfinished(clientId, maxUnfinished),
      ]);
      const id = mac.slice(0, 32);
      if (unfinished >= maxUnfinished && await store.read(id) === undefined) {
        throw new CountersignError(
          "too_many_jobs",
          `You have ${unfinished} unfinished jobs; wait for one or cancel one`,
          { retryAfterMs: 5000 },
        );
      }
      const lease = worker.lease();
      const job = accept(
        { id, tool: name, clientId, requestId },
        now(),
        lease,
        leaseMs,
      );
      let held: Held | undefined;
      try {
        const acceptance = await store.accept(job, args, nonce);
        if (acceptance.kind === "replayed") throw replayed();
        if (acceptance.kind === "accepted") held = acceptance.held;
        else await refuseConflict(acceptance.held.job, name, args);
      } finally {
        if (held === undefined) worker.release(lease);
      }
      if (held && lease) {
        background.run(worker.run(held, background.env, background.sliceMs));
      }
      const pollAfterMs = tool.job?.pollAfterMs ?? 0;
      return { kind: "accepted", jobId: id, pollAfterMs };
    },

    async poll(id, clientId, waitMs, signal, background) {
      let held = await owned(id, clientId);
      const until = now() + waitMs;
      drive(held, background);
      const { progress } = held.job;
      while (!isFinal(held.job) && now() < until) {
        if (!sameProgress(held.job.progress, progress)) break;
        const current = await store.changed(held, until - now(), signal);
        if (current === undefined) break;
        held = current;
      }
      return await outcomeOf(held.job, store);
    },

    async view(id, clientId, background) {
      const held = await owned(id, clientId);
      drive(held, background);
      return await viewOf(held);
    },

    async *follow(id, clientId, signal, background) {
      let seen: string | undefined;
      let held: Held | undefined = await owned(id, clientId);
      while (held && !signal.aborted) {
        drive(held, background);
        const { status, progress, questions } = held.job;
        const visible = JSON.stringify([status, progress, questions]);
        if (visible !== seen) yield await viewOf(held);
        seen = visible;
        if (isFinal(held.job)) return;
        const dueInMs = Math.max(MIN_FOLLOW_MS, held.job.dueAt - now());
        const waitMs = Math.min(FOLLOW_MS, dueInMs);
        held = await store.changed(held, waitMs, signal)
          .catch((error) => {
            if (!signal.aborted) throw error;
            return undefined;
          });
      }
    },

    async answer(id, clientId, answers, background) {
      const until = now() + PATIENCE_MS;
      for (let held = await owned(id, clientId);;) {
        const names = Object.keys(held.job.questions ?? {})
          .filter((name) => Object.hasOwn(answers, name));
        if (isFinal(held.job) || names.length === 0) return held.job;
        if (held.job.lease === undefined) {
          const next = answered(held.job, now(), new Set(names));
          const kept = names.map((name) =>
            [answerStep(name), answers[name]] as const
          );
          const written = await store.answer(held, next, new Map(kept));
          if (written) {
            drive(written, background);
            return written.job;
          }
        } else if (now() >= until) {
          throw new CountersignError(
            "unavailable",
            "The job is running just now; answer it again",
            { retryAfterMs: 1000 },
          );
        } else {
          // It was woken beside its question: whoever runs it must not lose it.
          await store.changed(held, until - now());
        }
        held = await owned(id, clientId);
      }
    },

    async cancel(id, clientId) {
      const held = await owned(id, clientId);
      return (await worker.cancel(held) ?? held).job;
    },
  };

  /** Runs a job that is overdue: whoever looks at it may. */
  function drive(held: Held, { env, sliceMs, run }: Background): void {
    if (isFinal(held.job) || held.job.dueAt > now()) return;
    run(worker.take(held, env, sliceMs));
  }

  async function viewOf({ job }: Held): Promise<View> {
    return { job, outcome: await outcomeOf(job, store) };
  }

  async function refuseConflict(job: Job, tool: string, args: unknown) {
    const same = job.tool === tool &&
      canonicalJson(await store.args(job)) === canonicalJson(args);
    if (same) return;
    throw new CountersignError(
      "idempotency_conflict",
      "This request_id started a job with another tool or other arguments; " +
        "send a new call with a new request_id",
    );
  }
}

/** The refusal of an envelope that was accepted before. */
export function replayed(): CountersignError {
  return new CountersignError(
    "replayed",
    "This nonce was spent; sign the call again with a fresh one",
  );
}

function sameProgress(a: Job["progress"], b: Job["progress"]): boolean {
  return a?.fraction === b?.fraction && a?.message === b?.message;
}
