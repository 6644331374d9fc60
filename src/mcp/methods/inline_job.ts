/**
 * A job for a caller that cannot follow tasks: it waits, as long as connections
 * last, and is then told how to ask again.
 *
 * @module
 */

import { jobsOf } from "../../call/services.ts";
import type { Job, Progress } from "../../job/job.ts";
import type { JobOutcome } from "../../job/outcome.ts";
import type { Tool } from "../../tool/tool.ts";
import type { Exchange } from "../exchange.ts";
import { type CallResult, failureOf, resultOf } from "../results.ts";

/** Proxies and platforms let a connection be silent for about this long. */
const LONGEST_WAIT_MS = 25_000;

/** Waits for a job that was just started; what it returned, or what to do next. */
export async function waitInline(
  started: JobOutcome,
  tool: Tool | undefined,
  exchange: Exchange,
  report: ((progress: Progress) => void) | undefined,
): Promise<CallResult> {
  const { caller, signal, background, revision, services } = exchange;
  const jobs = jobsOf(services);
  const watchOptions = { signal, waitMs: LONGEST_WAIT_MS, background };
  let { job } = started;
  for await (const outcome of jobs.watch(started, caller.id, watchOptions)) {
    if (outcome.kind === "done") {
      return resultOf(tool, outcome.result, revision);
    }
    if (outcome.kind === "ended") return failureOf(outcome.error);
    job = outcome.job;
    if (job.progress) report?.(job.progress);
    if (job.questions) break; // it goes no further by waiting
  }
  // Whoever closes the stream of a call cancels it.
  if (signal.aborted) await jobs.cancel(job.id, caller.id);
  const handedOver = {
    content: [{ type: "text", text: sayWhatNext(job) }],
  };
  // A result without the promised structure must not pass for the tool's own.
  return tool?.output ? { ...handedOver, isError: true } : handedOver;
}

function sayWhatNext({ id, questions }: Job): string {
  if (!questions) {
    return `Job ${id} is still running. Call poll_job with its job_id and ` +
      "wait_ms: 20000 until it is done";
  }
  const wanted = Object.entries(questions).map(([name, question]) =>
    `"${name}": ${"message" in question ? question.message : question.kind}`
  );
  return `Job ${id} waits to be told ${wanted.join("; ")}. Call answer_job ` +
    "with its job_id, then poll_job";
}
