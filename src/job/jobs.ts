/**
 * Jobs as their owners know them: started, looked at, answered, ended.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import { ID } from "../id.ts";
import { type AnswerOptions, answerQuestions, checkAnswers } from "./answer.ts";
import type { Background } from "./background.ts";
import type { Job } from "./job.ts";
import type { JobOutcome } from "./outcome.ts";
import { deriveId, type JobsOptions, type Start, startJob } from "./start.ts";
import type { Listing, Page, StoredJob } from "./store.ts";
import { watchJob, type WatchOptions } from "./watch.ts";

/** The jobs of a server. */
export interface Jobs {
  /** The id of the job that a client's request started, if it started one. */
  idOf(clientId: string, requestId: string): Promise<string>;
  /**
   * Finds a job for its owner; for all others it is not there.
   *
   * @throws {CountersignError} `job_not_found`
   */
  find(id: string, clientId: string): Promise<StoredJob>;
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
   * Answers questions of a job: all that are answered, or none.
   *
   * @throws {CountersignError} `job_not_found`, or `invalid_args`
   */
  answer(
    id: string,
    clientId: string,
    answers: Readonly<Record<string, unknown>>,
    options: AnswerOptions,
  ): Promise<Job>;
  /**
   * Refuses answers that {@linkcode Jobs.answer} would refuse; changes nothing.
   *
   * @throws {CountersignError} `job_not_found` or `invalid_args`
   */
  checkAnswers(
    id: string,
    clientId: string,
    answers: Readonly<Record<string, unknown>>,
  ): Promise<void>;
  /** Lists a client's jobs, newest first. */
  list(clientId: string, page: Page): Promise<Listing>;
  /**
   * Ends a job for its owner; one that has ended stays as it is.
   *
   * @throws {CountersignError} `job_not_found`
   */
  cancel(id: string, clientId: string): Promise<Job>;
}

/** Puts store and worker together. */
export function createJobs(options: JobsOptions): Jobs {
  const { store, worker } = options;

  async function find(id: string, clientId: string): Promise<StoredJob> {
    // What is no id would be too long for a key, perhaps.
    const stored = ID.test(id) ? await store.read(id) : undefined;
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
    const stored = typeof from === "string" ? await find(from, clientId) : from;
    yield* watchJob(stored, watchOptions, options);
  }

  return {
    find,
    idOf: (clientId, requestId) => deriveId(clientId, requestId, options.sign),
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

    answer: (id, clientId, answers, answerOptions) =>
      answerQuestions(
        () => find(id, clientId),
        answers,
        answerOptions,
        options,
      ),

    async checkAnswers(id, clientId, answers) {
      await checkAnswers(await find(id, clientId), answers, options);
    },

    list: (clientId, page) => store.list(clientId, page),

    async cancel(id, clientId) {
      const stored = await find(id, clientId);
      return (await worker.cancel(stored) ?? stored).job;
    },
  };
}
