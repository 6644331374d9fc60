/**
 * A job for a caller that cannot follow tasks: it waits, as long as connections
 * last, and is then told how to ask again.
 *
 * @module
 */

import { jobsOf } from "../../call/services.ts";
import type { Progress } from "../../job/job.ts";
import { isFinal } from "../../job/job.ts";
import type { Tool } from "../../tool/tool.ts";
import type { Exchange } from "../exchange.ts";
import { type CallResult, failureOf, resultOf } from "../results.ts";

/** Proxies and platforms let a connection be silent for about this long. */
const LONGEST_WAIT_MS = 25_000;

/** Waits for a job; what it returned, or what to do next. */
export async function inlineResult(
  id: string,
  tool: Tool | undefined,
  exchange: Exchange,
  report: ((progress: Progress) => void) | undefined,
): Promise<CallResult> {
  const { principal, signal: gone, background, modern } = exchange;
  const jobs = jobsOf(exchange.house);
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), LONGEST_WAIT_MS);
  const signal = AbortSignal.any([gone, over.signal]);
  let asked: readonly string[] = [];
  try {
    const views = jobs.follow(id, principal.id, signal, background);
    for await (const { job, outcome } of views) {
      if (outcome.kind === "done") {
        return resultOf(tool, outcome.result, modern);
      }
      if (outcome.kind === "ended") return failureOf(outcome.error);
      if (isFinal(job)) break;
      if (job.progress) report?.(job.progress);
      asked = Object.entries(job.questions ?? {})
        .map(([name, posed]) =>
          `"${name}": ${"message" in posed ? posed.message : posed.kind}`
        );
      if (asked.length > 0) break; // it goes no further by waiting
    }
  } finally {
    clearTimeout(timer);
  }
  // Whoever closes the stream of a call cancels it.
  if (gone.aborted) await jobs.cancel(id, principal.id);
  const message = asked.length > 0
    ? `Job ${id} waits to be told ${asked.join("; ")}. Call answer_job with ` +
      "its job_id, then poll_job"
    : `Job ${id} is still running. Call poll_job with its job_id and ` +
      "wait_ms: 20000 until it is done";
  const told = { content: [{ type: "text", text: message }] };
  // A result without the promised structure must not pass for the tool's own.
  return tool?.output ? { ...told, isError: true } : told;
}
