/**
 * What marks a job's lines in the log.
 *
 * @module
 */

import type { Job } from "./job.ts";

/** Longest message of an error or of progress, in characters. */
export const LONGEST_MESSAGE = 1000;

/** Tells which job a line of the log is about. */
export function logFields({ id, tool, clientId, requestId }: Job): {
  job_id: string;
  tool: string;
  client_id: string;
  request_id: string;
} {
  return { job_id: id, tool, client_id: clientId, request_id: requestId };
}
