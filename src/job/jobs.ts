/**
 * Jobs as their owners know them: started, looked at, answered, ended.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import { canonicalJson } from "../json/canonical_json.ts";
import { type Nonce, replayedError, type Spend } from "../signing/nonce.ts";
import type { Tool } from "../tool/tool.ts";
import { settlesWithin } from "../waiting.ts";
import { answerQuestions } from "./answer.ts";
import type { Background } from "./background.ts";
import { accept, isFinal, type Job } from "./job.ts";
import { momentOf } from "./lease.ts";
import type { JobOutcome } from "./outcome.ts";
import type { Acceptance, Listing, Page, StoredJob } from "./store.ts";
import { watchJob, type WatchOptions, type WatchServices } from "./watch.ts";

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
export interface Jobs {
  /** The id of the job that a client's request started, if it started one. */
  idOf(clientId: string, requestId: string): Promise<string>;
  /**
   * Accepts a job, or finds the one that this request started before; with
   * its end, if that comes within the tool's `waitMs`.
   *
   * @throws {CountersignError} `replayed`, `idempotency_conflict` or `too_many_jobs`
   */
  start(start: Start, background: Background): Promise<JobOutcome>;
  /**
   * Tells how a job stands once it changes, at the latest after `waitMs`.
   *
   * @throws {CountersignError} `job_not_found`
   */
  poll(
    id: string,
    clientId: string,
    options: WatchOptions,
  ): Promise<JobOutcome>;
  /**
   * Yields a job as it stands and at every change that its owner can see, until
   * it ends or is removed, or the watch is over.
   *
   * @param from The job's id, or an outcome to go on from without reading it again.
   * @throws {CountersignError} `job_not_found`
   */
  watch(
    from: string | StoredJob,
    clientId: string,
    options: WatchOptions,
  ): AsyncGenerator<JobOutcome, void>;
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
export interface JobsOptions extends WatchServices {
  /** Spends the nonce of a start whose job is there already. */
  readonly spend: Spend;
  /** Derives job ids: a MAC under a key of the server's own. */
  readonly sign: (text: string) => Promise<string>;
  readonly leaseMs: number;
  /** Most unfinished jobs that a client may have. */
  readonly maxUnfinished: number;
}

/** Puts store and worker together. */
export function createJobs(options: JobsOptions): Jobs {
  const { store, worker } = options;

  async function readOwned(id: string, clientId: string): Promise<StoredJob> {
    const stored = await store.read(id);
    // Somebody else's job reads exactly like one that never was.
    if (stored?.job.clientId === clientId) return stored;
    throw new CountersignError(
      "job_not_found",
      "No job of yours has this id; finished jobs are kept for a while only",
    );
  }

  async function* watch(
    from: string | StoredJob,
    clientId: string,
    watchOptions: WatchOptions,
  ) {
    const stored = typeof from === "string"
      ? await readOwned(from, clientId)
      : from;
    yield* watchJob(stored, watchOptions, options);
  }

  return {
    idOf: (clientId, requestId) => deriveId(clientId, requestId, options),
    watch,
    start: (start, background) => startJob(start, background, options),

    async poll(id, clientId, watchOptions) {
      let latest: JobOutcome | undefined;
      for await (const outcome of watch(id, clientId, watchOptions)) {
        const isChange = latest !== undefined;
        latest = outcome;
        if (isChange) break;
      }
      return latest as JobOutcome; // a watch yields at least once
    },

    answer: (id, clientId, answers, background) =>
      answerQuestions(
        () => readOwned(id, clientId),
        answers,
        background,
        options,
      ),

    list: (clientId, page) => store.list(clientId, page),

    async cancel(id, clientId) {
      const stored = await readOwned(id, clientId);
      return (await worker.cancel(stored) ?? stored).job;
    },
  };
}

async function startJob(
  start: Start,
  background: Background,
  options: JobsOptions,
): Promise<JobOutcome> {
  const { worker, spend, timing } = options;
  const { name, tool, args, nonce, signal } = start;
  const begun = momentOf(timing);
  const acceptance = await acceptStart(start, options);
  if (acceptance.kind === "replayed") throw replayedError();
  let { stored } = acceptance;
  let running: Promise<StoredJob | undefined> | undefined;
  if (acceptance.kind === "known") {
    await refuseConflict(stored.job, name, args, options);
    if (nonce && !await spend(nonce)) throw replayedError();
  } else if (stored.job.lease) {
    running = worker.run(stored, begun, background.env, background.sliceMs);
    background.run(running);
  }
  const { pollAfterMs = 0, waitMs = 0 } = tool.job ?? {};
  if (waitMs > 0) {
    const began = timing.monotonic();
    // The run itself tells of its end, where it is here.
    if (running && await settlesWithin(running, waitMs, signal, timing)) {
      stored = await running ?? stored;
    }
    const leftMs = began + waitMs - timing.monotonic();
    const watchOptions = { signal, waitMs: leftMs, background };
    for await (const outcome of watchJob(stored, watchOptions, options)) {
      if (isFinal(outcome.job)) return outcome;
    }
  }
  return { ...stored, kind: "accepted", pollAfterMs };
}

async function deriveId(
  clientId: string,
  requestId: string,
  { sign }: Pick<JobsOptions, "sign">,
): Promise<string> {
  // The alphabet of ids has no line feed: the text is unambiguous.
  return (await sign(`${clientId}\n${requestId}`)).slice(0, 32);
}

async function acceptStart(
  { clientId, requestId, name, args, nonce }: Start,
  options: JobsOptions,
): Promise<Acceptance> {
  const { store, worker, leaseMs, maxUnfinished, timing } = options;
  const [id, unfinished] = await Promise.all([
    deriveId(clientId, requestId, options),
    store.unfinished(clientId, maxUnfinished),
  ]);
  if (unfinished >= maxUnfinished && await store.read(id) === undefined) {
    throw new CountersignError(
      "too_many_jobs",
      `You have ${unfinished} unfinished jobs; wait for one or cancel one`,
      { retryAfterMs: 5000 },
    );
  }
  const lease = worker.takeSlot();
  const request = { id, tool: name, clientId, requestId };
  let acceptance: Acceptance | undefined;
  try {
    const job = accept(request, timing.now(), lease, leaseMs);
    acceptance = await store.accept(job, args, nonce);
  } finally {
    if (acceptance?.kind !== "accepted") worker.freeSlot(lease);
  }
  return acceptance;
}

async function refuseConflict(
  job: Job,
  tool: string,
  args: unknown,
  { store }: JobsOptions,
): Promise<void> {
  const isSame = job.tool === tool &&
    canonicalJson(await store.args(job)) === canonicalJson(args);
  if (isSame) return;
  throw new CountersignError(
    "idempotency_conflict",
    "This request_id started a job with another tool or other arguments; " +
      "send a new call with a new request_id",
  );
}
