/**
 * The tools that every server has.
 *
 * @module
 */

import { ID } from "../id.ts";
import type { Job } from "../job/job.ts";
import { jsonSchema } from "../tool/json_schema.ts";
import { jsonObject, type } from "../tool/schema.ts";
import type { Schema } from "../tool/standard_schema.ts";
import type { Call, Outcome } from "./call.ts";
import { jobsOf, type Services } from "./services.ts";

/** A tool that is answered by the server itself. */
export interface Builtin {
  readonly description: string;
  readonly input: Schema;
  readonly output: Schema | undefined;
  /** Whether a call may arrive twice: it changes nothing, and costs no nonce. */
  readonly replayable: boolean;
  answer(
    args: unknown,
    call: Call,
    services: Services,
  ): Outcome | Promise<Outcome>;
}

/** Longest that `poll_job` waits, in milliseconds. */
export const MAX_WAIT_MS = 25_000;

const nothing = type({});
const job = type({ job_id: ID });
const poll = type({
  job_id: ID,
  "wait_ms?": `0 <= number.integer <= ${MAX_WAIT_MS}`,
});
const answers = type({
  job_id: ID,
  answers: {
    "[string]": {
      action: "'accept' | 'decline' | 'cancel'",
      "content?": jsonObject,
    },
  },
});

const list = type({
  "status?": "'running' | 'done' | 'error' | 'cancelled'",
  "limit?": "1 <= number.integer <= 100",
  "cursor?": ID,
});

/** How jobs stand, in the envelope protocol's words. */
const STATUSES = {
  running: "working",
  done: "completed",
  error: "failed",
  cancelled: "cancelled",
} as const;

/** The built-in tools, by name. */
export const BUILTINS: Readonly<Record<string, Builtin>> = {
  server_identity: {
    description: "Tells which server this is and what it can do",
    input: nothing,
    output: type({
      server_id: "string",
      fingerprint: "string",
      capabilities: { "[string]": "boolean" },
    }),
    replayable: true,
    answer: (_args, _call, { identity }) => ({ kind: "ok", result: identity }),
  },
  list_tools: {
    description: "Lists the tools that you may call, with their schemas",
    input: nothing,
    output: undefined,
    replayable: true,
    answer: (_args, { caller }, { tools }) => ({
      kind: "ok",
      result: {
        tools: [
          ...Object.entries(BUILTINS)
            .map(([name, tool]) => describeTool(name, tool)),
          ...Object.entries(tools).filter(([name]) => caller.may(name))
            .map(([name, tool]) => describeTool(name, tool)),
        ],
      },
    }),
  },
  poll_job: {
    description:
      "Tells how a job of yours stands; with wait_ms, once it changes",
    input: poll,
    output: undefined,
    replayable: true,
    answer(args, { caller, signal, background }, services) {
      const { job_id, wait_ms = 0 } = args as typeof poll.infer;
      return jobsOf(services)
        .poll(job_id, caller.id, { waitMs: wait_ms, signal, background });
    },
  },
  answer_job: {
    description:
      "Answers what a job of yours asks: by name, with an action and content",
    input: answers,
    output: type({ job_id: "string", status: "string" }),
    replayable: false,
    async answer(args, { caller, background }, services) {
      const { job_id, answers: given } = args as typeof answers.infer;
      const told = await jobsOf(services)
        .answer(job_id, caller.id, given, background);
      return { kind: "ok", result: { job_id, status: statusOf(told) } };
    },
  },
  list_jobs: {
    description: "Lists your jobs, newest first",
    input: list,
    output: undefined,
    replayable: true,
    async answer(args, { caller }, services) {
      const { status, limit = 50, cursor } = args as typeof list.infer;
      const page = { status: status && STATUSES[status], limit, cursor };
      const listing = await jobsOf(services).list(caller.id, page);
      const jobs = listing.jobs.map(summarize);
      return { kind: "ok", result: { jobs, cursor: listing.cursor } };
    },
  },
  cancel_job: {
    description: "Cancels a job of yours; one that has ended stays as it is",
    input: job,
    output: type({ job_id: "string", status: "string" }),
    replayable: false,
    async answer(args, { caller }, services) {
      const { job_id } = args as typeof job.infer;
      const cancelled = await jobsOf(services).cancel(job_id, caller.id);
      const status = statusOf(cancelled);
      return { kind: "ok", result: { job_id, status } };
    },
  },
};

function statusOf({ status }: Job): string {
  const words = Object.keys(STATUSES) as (keyof typeof STATUSES)[];
  return words.find((word) => STATUSES[word] === status) ?? status;
}

function summarize(job: Job): Record<string, unknown> {
  return {
    job_id: job.id,
    request_id: job.requestId,
    tool: job.tool,
    status: statusOf(job),
    created_ms: job.createdAt,
    updated_ms: job.updatedAt,
    progress: job.progress?.fraction,
    message: job.progress?.message ?? job.error?.message,
  };
}

interface Listable {
  readonly description: string;
  readonly input: Schema;
  readonly output?: Schema | undefined;
  readonly job?: unknown;
  readonly replayable: boolean;
}

function describeTool(name: string, tool: Listable): Record<string, unknown> {
  const { description, input, output, job, replayable } = tool;
  return {
    name,
    description,
    input_schema: jsonSchema(input),
    ...output && { output_schema: jsonSchema(output, "output") },
    job: job !== undefined,
    replayable,
  };
}
