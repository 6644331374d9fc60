/**
 * Hands a person's answers to the job that asked.
 *
 * @module
 */

import { CountersignError, type Issue } from "../errors.ts";
import { canonicalJson } from "../json/canonical_json.ts";
import { toBytes } from "../kv/kv.ts";
import { checkReply } from "../tool/form.ts";
import type { Background } from "./background.ts";
import { answerStep } from "./listener.ts";
import { isFinal, type Job, takeAnswers } from "./job.ts";
import type { StoredJob } from "./store.ts";
import { takeUpIfOverdue, type WatchServices } from "./watch.ts";

/** How answers are taken. */
export interface AnswerOptions {
  /** Where the job is run that goes on. */
  readonly background: Background;
  /**
   * Whether what the job does not ask is ignored, and what does not fit is left
   * to the tool, which asks again. Defaults to `false`.
   */
  readonly isLenient?: boolean;
}

/** Answers kept in one commit. */
const ANSWERS_A_COMMIT = 8;
/** Largest answer, in bytes of JSON. */
const LARGEST_ANSWER = 65_536;

/**
 * Answers questions of a job: all that are given, or none.
 *
 * @param read Reads the job, for its owner only.
 * @throws {CountersignError} `job_not_found`; `invalid_args` for what the job
 * does not ask, what does not fit, and what was answered otherwise before
 */
export async function answerQuestions(
  read: () => Promise<StoredJob>,
  answers: Readonly<Record<string, unknown>>,
  { background, isLenient }: AnswerOptions,
  services: WatchServices,
): Promise<Job> {
  const { store, timing } = services;
  for (;;) {
    const stored = await read();
    const fresh = await checkAnswers(stored, answers, services, isLenient);
    if (fresh.size === 0) return stored.job;
    // A commit has ten checks: what does not fit into one comes after it.
    const some = [...fresh].slice(0, ANSWERS_A_COMMIT);
    const names = new Set(some.map(([name]) => name));
    const steps = Array.from(
      some,
      ([name, answer]) => [answerStep(name), answer] as const,
    );
    const next = takeAnswers(stored.job, timing.now(), names);
    const written = await store.answer(stored, next, new Map(steps));
    if (written === undefined || fresh.size > some.length) continue;
    takeUpIfOverdue(written, background, services);
    return written.job;
  }
}

/**
 * The answers that are new to a job; those that it has by now may come again.
 *
 * @throws {CountersignError} `invalid_args`
 */
export async function checkAnswers(
  { job }: StoredJob,
  answers: Readonly<Record<string, unknown>>,
  { store }: Pick<WatchServices, "store">,
  isLenient = false,
): Promise<Map<string, unknown>> {
  const issues: Issue[] = [];
  const fresh = new Map<string, unknown>();
  const questions = isFinal(job) ? {} : job.questions ?? {};
  const kept = await store.steps(job.id);
  for (const [name, answer] of Object.entries(answers)) {
    const path = ["answers", name];
    const earlier = kept.get(answerStep(name));
    if (earlier || !Object.hasOwn(questions, name)) {
      if (isLenient) continue;
      if (earlier && isSame(earlier.value, answer)) continue;
      const message = earlier
        ? `"${name}" was answered before`
        : `The job does not ask "${name}"`;
      issues.push({ path, message });
      continue;
    }
    const { length } = toBytes(answer);
    if (length > LARGEST_ANSWER) {
      const message =
        `An answer may have ${LARGEST_ANSWER} bytes, not ${length}`;
      issues.push({ path, message });
      continue;
    }
    if (!isLenient) issues.push(...checkReply(questions[name], answer, path));
    fresh.set(name, answer);
  }
  if (issues.length === 0) return fresh;
  const message = issues.map((issue) => issue.message).join("; ");
  throw new CountersignError("invalid_args", message, { issues });
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalJson(a ?? null) === canonicalJson(b ?? null);
}
