/**
 * The tools that every server has.
 *
 * @module
 */

import { ID } from "../id.ts";
import type { Job } from "../job/job.ts";
import type { WireJobStatus } from "../job/wire_status.ts";
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
  /** Refuses what cannot be done, before the nonce of a call is spent. */
  check?(args: unknown, call: Call, services: Services): Promise<void>;
  answer(
    args: unknown,
    call: Call,
    services: Services,
  ): Outcome | Promise<Outcome>;
}

/** Longest that `poll_job` waits, in milliseconds. */
export const MAX_WAIT_MS = 25_000;

/** What names a job: its id, or the id of the request that started it. */
interface JobKey {
  readonly job_id?: string;
  readonly request_id?: string;
}

const jobKey = { "job_id?": ID, "request_id?": ID } as const;
const KEY_RULE =
  "Name the job by its job_id, or by the request_id of your call that started it: exactly one of them";

/** The part of ArkType's context that {@linkcode namesOneJob} refuses with. */
interface Refusal {
  reject(problem: { message: string }): false;
}

/** Beside the schema, which must stay one object: hosts take no choice at its root. */
function namesOneJob({ job_id, request_id }: JobKey, context: Refusal) {
  if ((job_id === undefined) !== (request_id === undefined)) return true;
  return context.reject({ message: KEY_RULE });
}

const nothing = type({});
const cancel = type(jobKey).narrow(namesOneJob);
const poll = type({
  ...jobKey,
  "wait_ms?": `0 <= number.integer <= ${MAX_WAIT_MS}`,
}).narrow(namesOneJob);
const answers = type({
  ...jobKey,
  answers: {
    "[string]": {
      action: "'accept' | 'decline' | 'cancel'",
      "content?": jsonObject,
    },
  },
}).narrow(namesOneJob);

/** How jobs stand, by the words of the envelope protocol. */
const STATUS_OF: Readonly<Record<WireJobStatus, Job["status"]>> = {
  running: "working",
  done: "completed",
  error: "failed",
  cancelled: "cancelled",
};
const WIRE_STATUSES = Object.keys(STATUS_OF) as WireJobStatus[];

const list = type({
  "status?": type.enumerated(...WIRE_STATUSES),
  "limit?": "1 <= number.integer <= 100",
  "cursor?": ID,
});

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
      `Tells how a job of yours stands; with wait_ms, once it changes. ${KEY_RULE}`,
    input: poll,
    output: undefined,
    replayable: true,
    async answer(args, { caller, signal, background }, services) {
      const { wait_ms = 0, ...key } = args as typeof poll.infer;
      const id = await jobIdOf(key, caller.id, services);
      return await jobsOf(services)
        .poll(id, caller.id, { waitMs: wait_ms, signal, background });
    },
  },
  answer_job: {
    description:
      `Answers what a job of yours asks: by name, with an action and content. ${KEY_RULE}`,
    input: answers,
    output: type({ job_id: "string", status: "string" }),
    replayable: false,
    async check(args, { caller }, services) {
      const { answers: given, ...key } = args as typeof answers.infer;
      const id = await jobIdOf(key, caller.id, services);
      await jobsOf(services).checkAnswers(id, caller.id, given);
    },
    async answer(args, { caller, background }, services) {
      const { answers: given, ...key } = args as typeof answers.infer;
      const id = await jobIdOf(key, caller.id, services);
      return standing(
        await jobsOf(services).answer(id, caller.id, given, { background }),
      );
    },
  },
  list_jobs: {
    description: "Lists your jobs, newest first",
    input: list,
    output: undefined,
    replayable: true,
    async answer(args, { caller }, services) {
      const { status, limit = 50, cursor } = args as typeof list.infer;
      const page = { status: status && STATUS_OF[status], limit, cursor };
      const listing = await jobsOf(services).list(caller.id, page);
      const jobs = listing.jobs.map(summarize);
      return { kind: "ok", result: { jobs, cursor: listing.cursor } };
    },
  },
  cancel_job: {
    description:
      `Cancels a job of yours; one that has ended stays as it is. ${KEY_RULE}`,
    input: cancel,
    output: type({ job_id: "string", status: "string" }),
    replayable: false,
    check: findJob,
    async answer(args, { caller }, services) {
      const id = await jobIdOf(args as JobKey, caller.id, services);
      return standing(await jobsOf(services).cancel(id, caller.id));
    },
  },
};

async function findJob(
  args: unknown,
  { caller }: Call,
  services: Services,
): Promise<void> {
  const id = await jobIdOf(args as JobKey, caller.id, services);
  await jobsOf(services).find(id, caller.id);
}

/**
 * The id of the job that a caller named.
 *
 * @throws {CountersignError} `job_not_found` where the server keeps no jobs.
 */
async function jobIdOf(
  { job_id, request_id }: JobKey,
  clientId: string,
  services: Services,
): Promise<string> {
  return job_id ?? await jobsOf(services).idOf(clientId, String(request_id));
}

function standing(job: Job): Outcome {
  return { kind: "ok", result: { job_id: job.id, status: wireStatusOf(job) } };
}

function wireStatusOf({ status }: Job): WireJobStatus | undefined {
  return WIRE_STATUSES.find((word) => STATUS_OF[word] === status);
}

function summarize(job: Job): Record<string, unknown> {
  return {
    job_id: job.id,
    request_id: job.requestId,
    tool: job.tool,
    status: wireStatusOf(job),
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
    output_schema: output && jsonSchema(output, "output"),
    job: job !== undefined,
    replayable,
  };
}
