/**
 * From outcomes and errors to answers: the one place that translates.
 *
 * @module
 */

import type { ResponseEnvelope } from "./request.ts";
import { CountersignError } from "../errors.ts";
import type { Outcome } from "../job/outcome.ts";

/** What of an answer the outcome decides. */
export interface Reply extends Pick<ResponseEnvelope, "status" | "result"> {
  readonly httpStatus: number;
  readonly error: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Writes an outcome in the envelope protocol's words. */
export function replyOf(outcome: Outcome): Reply {
  switch (outcome.kind) {
    case "ok":
    case "done":
      return {
        httpStatus: 200,
        status: outcome.kind,
        result: outcome.result,
        error: null,
      };
    case "accepted": {
      const { jobId, pollAfterMs } = outcome;
      return {
        httpStatus: 202,
        status: "accepted",
        result: { job_id: jobId, poll_after_ms: pollAfterMs },
        error: null,
      };
    }
    case "running": {
      const { fraction, message } = outcome.progress ?? {};
      return {
        httpStatus: 200,
        status: "running",
        result: { progress: fraction, message, questions: outcome.questions },
        error: null,
      };
    }
    case "ended": // the poll went well; what it found did not
      return { ...refusalOf(outcome.error), httpStatus: 200 };
  }
}

/** Writes an error: its code and sentence, and nothing of its cause. */
export function refusalOf(error: CountersignError): Reply {
  const { code, message, status, issues, jobId } = error;
  const details = {
    ...issues.length > 0 && { issues },
    ...jobId !== undefined && { job_id: jobId },
  };
  return {
    httpStatus: status,
    status: "error",
    result: Object.keys(details).length > 0 ? details : null,
    error: `${code}: ${message}`,
    headers: {
      ...retryAfter(error),
      // RFC 9110 sections 15.5.6, 15.5.2 and 15.5.16
      ...code === "method_not_allowed" && { allow: "POST" },
      ...status === 401 && { "www-authenticate": "Countersign" },
      ...code === "unsupported_media_type" && {
        "accept-post": "application/json",
      },
    },
  };
}

/** The header that says when it is worth trying again, in whole seconds. */
export function retryAfter(
  { retryAfterMs }: CountersignError,
): Record<string, string> {
  if (retryAfterMs === undefined) return {};
  return { "retry-after": String(Math.ceil(retryAfterMs / 1000)) };
}

/** Any error as one that may be answered: a stranger's message stays here. */
export function errorOf(error: unknown): CountersignError {
  if (error instanceof CountersignError) return error;
  return new CountersignError(
    "unavailable",
    "The server failed; its log says why",
    { cause: error },
  );
}
