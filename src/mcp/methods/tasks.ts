/**
 * The Tasks extension, `io.modelcontextprotocol/tasks`: a job is a task, under
 * its own id and for its owner only.
 *
 * @module
 */

import { jobsOf } from "../../call/services.ts";
import { isObject } from "../../json/i_json.ts";
import type { View } from "../../job/watch.ts";
import { isFinal } from "../../job/job.ts";
import { replayedError } from "../../job/jobs.ts";
import type { Exchange } from "../exchange.ts";
import { CODE, invalidParams } from "../json_rpc.ts";
import { takesTasks, TASKS } from "../meta.ts";
import { inputRequests, missingCapability } from "./mrtr.ts";
import { failure, resultOf } from "../results.ts";

/** Answers `tasks/get`: changes nothing, though it may drive an overdue job. */
export async function getTask(exchange: Exchange): Promise<object> {
  return detailed(await viewed(exchange), exchange);
}

/** Answers `tasks/update`: hands answers to a job that asked. */
export async function updateTask(exchange: Exchange): Promise<object> {
  const { principal, background, message: { params } } = exchange;
  const id = taskId(exchange);
  const { inputResponses } = params;
  if (
    !isObject(inputResponses) || !Object.values(inputResponses).every(isObject)
  ) throw invalidParams("inputResponses must be an object of objects");
  await spend(exchange);
  await jobsOf(exchange.house).answer(
    id,
    principal.id,
    inputResponses,
    background,
  );
  return {};
}

/** Answers `tasks/cancel`: a task that has ended stays as it is. */
export async function cancelTask(exchange: Exchange): Promise<object> {
  const id = taskId(exchange);
  await spend(exchange);
  await jobsOf(exchange.house).cancel(id, exchange.principal.id);
  return {};
}

/** Writes the answer to a call that became a task; it is durable by now. */
export async function createdTask(
  id: string,
  exchange: Exchange,
): Promise<object> {
  const { principal, background } = exchange;
  const view = await jobsOf(exchange.house).view(id, principal.id, background);
  return { resultType: "task", ...task(view, exchange) };
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
export function detailed(view: View, exchange: Exchange): object {
  return { ...task(view, exchange), ...ending(view, exchange) };
}

function task({ job }: View, { house }: Exchange): object {
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
    ...words !== undefined && { statusMessage: words },
    createdAt: new Date(createdAt).toISOString(),
    lastUpdatedAt: new Date(updatedAt).toISOString(),
    // A job lasts until it has ended, and a while longer.
    ttlMs: isFinal(job) ? dueAt - createdAt : null,
    pollIntervalMs: house.tools[job.tool]?.job?.pollAfterMs ?? 1000,
  };
}

function ending({ job, outcome }: View, { house }: Exchange): object {
  const { questions, error } = job;
  if (questions) return { inputRequests: inputRequests(questions) };
  if (outcome.kind === "done") {
    const result = resultOf(house.tools[job.tool], outcome.result, true);
    return { result: { resultType: "complete", ...result } };
  }
  if (job.status !== "failed" || error === undefined) return {};
  const { message, internal } = error;
  if (internal) return { error: { code: CODE.internal, message } };
  return { result: { resultType: "complete", ...failure(message) } };
}

async function spend({ nonce, house }: Exchange): Promise<void> {
  if (nonce && !await house.spend(nonce)) throw replayedError();
}

async function viewed(exchange: Exchange): Promise<View> {
  const { principal, background } = exchange;
  const id = taskId(exchange);
  return await jobsOf(exchange.house).view(id, principal.id, background);
}

function taskId({ message: { params } }: Exchange): string {
  if (typeof params.taskId === "string") return params.taskId;
  throw invalidParams("taskId must be a string");
}
