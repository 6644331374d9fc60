/**
 * The Tasks extension, `io.modelcontextprotocol/tasks`: a job is a task, under
 * its own id and for its owner only.
 *
 * @module
 */

import { spendNonce } from "../../call/admit.ts";
import { jobsOf } from "../../call/services.ts";
import { isObject } from "../../json/i_json.ts";
import type { JobOutcome } from "../../job/outcome.ts";
import { isFinal } from "../../job/job.ts";
import type { Exchange } from "../exchange.ts";
import { CODE, invalidParams } from "../json_rpc.ts";
import { takesTasks, TASKS } from "../meta.ts";
import { inputRequests, missingCapability } from "./mrtr.ts";
import { failure, resultOf } from "../results.ts";

/** Answers `tasks/get`: changes nothing, though it may drive an overdue job. */
export async function getTask(exchange: Exchange): Promise<object> {
  return detailTask(await readTask(taskIdOf(exchange), exchange), exchange);
}

/** Answers `tasks/update`: hands answers to a job that asked. */
export async function updateTask(exchange: Exchange): Promise<object> {
  const { caller, background, message: { params } } = exchange;
  const id = taskIdOf(exchange);
  const { inputResponses } = params;
  if (
    !isObject(inputResponses) || !Object.values(inputResponses).every(isObject)
  ) throw invalidParams("inputResponses must be an object of objects");
  await accept(id, exchange);
  await jobsOf(exchange.services).answer(
    id,
    caller.id,
    inputResponses,
    { background, isLenient: true },
  );
  return {};
}

/** Answers `tasks/cancel`: a task that has ended stays as it is. */
export async function cancelTask(exchange: Exchange): Promise<object> {
  const id = taskIdOf(exchange);
  await accept(id, exchange);
  await jobsOf(exchange.services).cancel(id, exchange.caller.id);
  return {};
}

/** Spends the nonce of a request that can be met: the task is there. */
async function accept(
  id: string,
  { caller, nonce, services }: Exchange,
): Promise<void> {
  await jobsOf(services).find(id, caller.id);
  await spendNonce(nonce, services);
}

/** Writes the answer to a call that became a task; it is durable by now. */
export function createdTask(outcome: JobOutcome, exchange: Exchange): object {
  return { resultType: "task", ...describeTask(outcome, exchange) };
}

/** Reads a task of the caller's, and drives it if nobody does. */
export function readTask(
  id: string,
  { caller, services, signal, background }: Exchange,
): Promise<JobOutcome> {
  return jobsOf(services)
    .poll(id, caller.id, { waitMs: 0, signal, background });
}

/**
 * Refuses a client that does not follow tasks.
 *
 * @throws {RpcError} `missingCapability`
 */
export function needTasks({ meta }: Exchange): void {
  if (takesTasks(meta)) return;
  throw missingCapability({ extensions: { [TASKS]: {} } });
}

/** A task with all that its status has to tell. */
export function detailTask(outcome: JobOutcome, exchange: Exchange): object {
  return {
    ...describeTask(outcome, exchange),
    ...describeEnding(outcome, exchange),
  };
}

function describeTask({ job }: JobOutcome, { services }: Exchange): object {
  const { id, status, createdAt, updatedAt, dueAt, progress, error } = job;
  const failed = status === "failed" && error?.internal;
  const words = failed ? error.message : progress?.message;
  return {
    taskId: id,
    status: status === "failed" && !failed
      ? "completed" // the tool said what went wrong: that is a result
      : job.questions
      ? "input_required"
      : status,
    statusMessage: words,
    createdAt: new Date(createdAt).toISOString(),
    lastUpdatedAt: new Date(updatedAt).toISOString(),
    // A job lasts until it has ended, and a while longer.
    ttlMs: isFinal(job) ? dueAt - createdAt : null,
    pollIntervalMs: services.tools[job.tool]?.job?.pollAfterMs ?? 1000,
  };
}

function describeEnding(
  outcome: JobOutcome,
  { services, revision }: Exchange,
): object {
  const { questions, error, status, tool } = outcome.job;
  if (questions) return { inputRequests: inputRequests(questions) };
  if (outcome.kind === "done") {
    const result = resultOf(services.tools[tool], outcome.result, revision);
    return { result: { resultType: "complete", ...result } };
  }
  if (status !== "failed" || error === undefined) return {};
  const { message, internal } = error;
  if (internal) return { error: { code: CODE.internal, message } };
  return { result: { resultType: "complete", ...failure(message) } };
}

function taskIdOf({ message: { params } }: Exchange): string {
  if (typeof params.taskId === "string") return params.taskId;
  throw invalidParams("taskId must be a string");
}
