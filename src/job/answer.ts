/**
 * Hands a person's answers to the job that asked.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import type { Background } from "./background.ts";
import { answerStep } from "./asking.ts";
import { isFinal, type Job, takeAnswers } from "./job.ts";
import type { StoredJob } from "./store.ts";
import { takeUpIfOverdue, type WatchServices } from "./watch.ts";

/** How long an answer waits for a job that runs. */
const PATIENCE_MS = 10_000;

/**
 * Answers questions of a job; names that it does not ask for are ignored.
 *
 * @param read Reads the job, for its owner only.
 * @throws {CountersignError} `job_not_found`, or `unavailable` while it runs
 */
export async function answerQuestions(
  read: () => Promise<StoredJob>,
  answers: Readonly<Record<string, unknown>>,
  background: Background,
  services: WatchServices,
): Promise<Job> {
  const { store, timing: { now } } = services;
  const until = now() + PATIENCE_MS;
  for (let stored = await read();; stored = await read()) {
    const names = Object.keys(stored.job.questions ?? {})
      .filter((name) => Object.hasOwn(answers, name));
    if (isFinal(stored.job) || names.length === 0) return stored.job;
    if (stored.job.lease === undefined) {
      const steps = names.map((name) =>
        [answerStep(name), answers[name]] as const
      );
      const next = takeAnswers(stored.job, now(), new Set(names));
      const written = await store.answer(stored, next, new Map(steps));
      if (written === undefined) continue;
      takeUpIfOverdue(written, background, services);
      return written.job;
    }
    if (now() >= until) {
      throw new CountersignError(
        "unavailable",
        "The job is running just now; answer it again",
        { retryAfterMs: 1000 },
      );
    }
    // It was woken beside its question: whoever runs it must not lose it.
    takeUpIfOverdue(stored, background, services);
    await store.changed(stored, until - now());
  }
}
