/**
 * What became of a call, in no protocol's words.
 *
 * @module
 */

import { CountersignError, ToolError } from "../errors.ts";
import type { Job, OpenQuestion, Progress } from "./job.ts";
import type { JobStore } from "./store.ts";

/** What became of a call. Refusals and failures of a call are thrown instead. */
export type Outcome =
  | { readonly kind: "ok"; readonly result: unknown }
  | {
    readonly kind: "accepted";
    readonly jobId: string;
    readonly pollAfterMs: number;
  }
  | {
    readonly kind: "running";
    readonly progress: Progress | undefined;
    /** What the job waits to be told, by name. */
    readonly questions?: Readonly<Record<string, OpenQuestion>>;
  }
  | { readonly kind: "done"; readonly result: unknown }
  | { readonly kind: "ended"; readonly error: CountersignError };

/** What a job's owner is told of it. */
export async function outcomeOf(job: Job, store: JobStore): Promise<Outcome> {
  switch (job.status) {
    case "working":
      return {
        kind: "running",
        progress: job.progress,
        ...job.questions && { questions: job.questions },
      };
    case "completed":
      return { kind: "done", result: await store.result(job) };
    case "failed": {
      const { code, message, internal } = job.error ??
        { code: "tool_failed", message: "The tool failed", internal: true };
      const options = { jobId: job.id };
      const error = code === "tool_failed" && !internal
        ? new ToolError(message, options)
        : new CountersignError(code, message, options);
      return { kind: "ended", error };
    }
    case "cancelled": {
      const error = new CountersignError(
        "job_cancelled",
        "The job was cancelled",
        { jobId: job.id },
      );
      return { kind: "ended", error };
    }
  }
}
