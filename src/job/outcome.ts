/**
 * How a job stands, as its owner is told, in no protocol's words.
 *
 * @module
 */

import { CountersignError, ToolError } from "../errors.ts";
import type { Job } from "./job.ts";
import type { JobStore, StoredJob } from "./store.ts";

/** A job as its owner may see it, with what became of it. */
export type JobOutcome =
  & StoredJob
  & (
    /** It was accepted, or had been before. */
    | { readonly kind: "accepted"; readonly pollAfterMs: number }
    | { readonly kind: "running" }
    | { readonly kind: "done"; readonly result: unknown }
    | { readonly kind: "ended"; readonly error: CountersignError }
  );

/** Reads what became of a job; only that of a completed one costs a read. */
export async function readOutcome(
  { job, version }: StoredJob,
  store: JobStore,
): Promise<JobOutcome> {
  switch (job.status) {
    case "working":
      return { job, version, kind: "running" };
    case "completed":
      return {
        job,
        version,
        kind: "done",
        result: await store.value(job, job.result),
      };
    case "failed":
    case "cancelled":
      return { job, version, kind: "ended", error: toError(job) };
  }
}

function toError(job: Job): CountersignError {
  const options = { jobId: job.id };
  if (job.status === "cancelled") {
    const message = "The job was cancelled";
    return new CountersignError("job_cancelled", message, options);
  }
  const { code, message, internal } = job.error ??
    { code: "tool_failed", message: "The tool failed", internal: true };
  return code === "tool_failed" && !internal
    ? new ToolError(message, options)
    : new CountersignError(code, message, options);
}
