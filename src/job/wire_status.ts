/**
 * How jobs stand, in the words of `mcp/0.1`.
 *
 * `list_jobs`, `cancel_job` and `answer_job` have all of them. A poll has all but
 * `cancelled`, which it tells as an error whose code is `job_cancelled`.
 *
 * @module
 */

import type { JobStatus } from "./job.ts";

/** How a job stands; all but `running` are final. */
export type WireJobStatus = "running" | "done" | "error" | "cancelled";

/** What each word stands for. */
export const STATUS_OF: Readonly<Record<WireJobStatus, JobStatus>> = {
  running: "working",
  done: "completed",
  error: "failed",
  cancelled: "cancelled",
};

/** The words. */
export const WIRE_STATUSES = Object.keys(STATUS_OF) as readonly WireJobStatus[];

/** The word for a job's status. */
export function wireStatusOf(status: JobStatus): WireJobStatus {
  return WIRE_STATUSES.find((word) => STATUS_OF[word] === status)!;
}
