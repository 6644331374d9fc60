/**
 * Jobs as dispatch knows them: start one, look one up for its owner, end one.
 *
 * @module
 */

import type { Background } from "./background.ts";
import { canonicalJson } from "../json/canonical_json.ts";
import { CountersignError } from "../errors.ts";
import { sign } from "../signing/hmac.ts";
import { type Following, following } from "./watch.ts";
import { accept, isFinal, type Job } from "./job.ts";
import type {
  Acceptance,
  JobStore,
  Listing,
  Page,
  StoredJob,
} from "./store.ts";
import type { Worker } from "./worker.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { settlesWithin } from "../waiting.ts";
import type { Nonce, Spend } from "../signing/nonce.ts";
import type { Tool } from "../tool/tool.ts";

/** What a job is started with. */
export interface Start {
  readonly clientId: string;
  readonly requestId: string;
  readonly name: string;
  readonly tool: Tool;
  readonly args: unknown;
  readonly nonce: Nonce | undefined;
  readonly signal: AbortSignal;
}

/** The jobs of a server. */
export interface Jobs extends Following {
  /** The id of the job that a client's request started, if it started one. */
  idOf(clientId: string, requestId: string): Promise<string>;
  /**
   * Accepts a job, or answers the one that this request started before; with
   * its end, if that comes within the tool's `waitMs`.
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
  /** Lists a client's jobs, newest first. */
  list(clientId: string, page: Page): Promise<Listing>;
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
  /** Spends the nonce of a start whose job is there already. */
  readonly spend: Spend;
  /** Derives job ids; non-extractable. */
  readonly idKey: CryptoKey;
  readonly leaseMs: number;
  /** Most unfinished jobs that a client may have. */
  readonly maxUnfinished: number;
  /** Current time, in Unix milliseconds. */
  readonly now: () => number;
}

/** Puts store and worker together. */
export function createJobs(options: JobsOptions): Jobs {
  const { store, worker, spend, idKey, leaseMs, maxUnfinished, now } = options;

  async function owned(id: string, clientId: string): Promise<StoredJob> {
    const held = await store.read(id);
    // Somebody else's job reads exactly like one that never was.
    if (held?.job.clientId === clientId) return held;
    throw new CountersignError(
      "job_not_found",
      "No job of yours has this id; finished jobs are kept for a while only",
    );
  }

  async function idOf(clientId: string, requestId: string): Promise<string> {
    // The alphabet of ids has no line feed: the text is unambiguous.
    return (await sign(idKey, `${clientId}\n${requestId}`)).slice(0, 32);
  }

  return {
    idOf,

    async start(start, background) {
      const { clientId, requestId, name, tool, args, nonce, signal } = start;
      const [id, unfinished] = await Promise.all([
        idOf(clientId, requestId),
        store.unfinished(clientId, maxUnfinished),
      ]);
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
      let acceptance: Acceptance | undefined;
      try {
        acceptance = await store.accept(job, args, nonce);
      } finally {
        if (acceptance?.kind !== "accepted") worker.release(lease);
      }
      if (acceptance.kind === "replayed") throw replayedError();
      let { held } = acceptance;
      const { pollAfterMs = 0, waitMs = 0 } = tool.job ?? {};
      let running: Promise<StoredJob | undefined> | undefined;
      if (acceptance.kind === "known") {
        await refuseConflict(held.job, name, args);
        if (nonce && !await spend(nonce)) throw replayedError();
      } else if (lease) {
        running = worker.run(held, background.env, background.sliceMs);
        background.run(running);
      }
      if (waitMs > 0) {
        held = await endOf(held, running, waitMs, signal, background);
      }
      return isFinal(held.job) && waitMs > 0
        ? await outcomeOf(held.job, store)
        : { kind: "accepted", jobId: id, pollAfterMs };
    },

    async poll(id, clientId, waitMs, signal, background) {
      const held = await owned(id, clientId);
      const before = visibleState(held.job);
      const then = await change(held, waitMs, signal, background, before);
      return await outcomeOf(then.job, store);
    },

    list: (clientId, page) => store.list(clientId, page),

    ...following({ store, owned, drive, now }),

    async cancel(id, clientId) {
      const held = await owned(id, clientId);
      return (await worker.cancel(held) ?? held).job;
    },
  };

  /** Runs a job that is overdue: whoever looks at it may. */
  function drive(held: StoredJob, { env, sliceMs, run }: Background): void {
    if (isFinal(held.job) || held.job.dueAt > now()) return;
    run(worker.take(held, env, sliceMs));
  }

  /** Waits for a job's end: for the run itself where it runs here. */
  async function endOf(
    held: StoredJob,
    running: Promise<StoredJob | undefined> | undefined,
    waitMs: number,
    signal: AbortSignal,
    background: Background,
  ): Promise<StoredJob> {
    const began = Date.now();
    if (running && await settlesWithin(running, waitMs)) {
      held = await running ?? held;
    }
    const left = began + waitMs - Date.now();
    return await change(held, left, signal, background);
  }

  /**
   * Waits until a job ends, or tells its owner something else than `before`;
   * takes it up when it is overdue, or comes to be meanwhile.
   */
  async function change(
    held: StoredJob,
    ms: number,
    signal: AbortSignal,
    background: Background,
    before?: string,
  ): Promise<StoredJob> {
    const until = Date.now() + ms;
    let taken: string | undefined;
    while (!isFinal(held.job) && !signal.aborted) {
      const due = held.job.dueAt - now();
      if (due <= 0 && taken !== held.version) {
        taken = held.version;
        drive(held, background);
      }
      const left = until - Date.now();
      if (left <= 0) break;
      if (before !== undefined && visibleState(held.job) !== before) break;
      const wait = due > 0 ? Math.min(left, due) : left;
      const current = await store.changed(held, wait, signal);
      if (current === undefined) break;
      held = current;
    }
    return held;
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
export function replayedError(): CountersignError {
  return new CountersignError(
    "replayed",
    "This nonce was spent; sign the call again with a fresh one",
  );
}

/** What a poll tells of a working job. */
function visibleState({ progress, questions }: Job): string {
  return JSON.stringify([progress, questions]);
}
