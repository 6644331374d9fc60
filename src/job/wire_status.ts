/**
 * How jobs stand, in the words of `mcp/0.1`.
 *
 * `list_jobs`, `cancel_job` and `answer_job` have all of them. A poll has all but
 * `cancelled`, which it tells as an error whose code is `job_cancelled`.
 *
 * Imports nothing: the client carries this file too.
 *
 * @module
 */

/** How a job stands; all but `running` are final. */
export type WireJobStatus = "running" | "done" | "error" | "cancelled";
