/**
 * `subscriptions/listen`: a stream of what happens to tasks
 * (basic/patterns, "Subscriptions"; `notifications/tasks` of the extension).
 *
 * @module
 */

import { jobsOf } from "../../call/services.ts";
import { isObject } from "../../json/i_json.ts";
import { CountersignError } from "../../errors.ts";
import type { JobOutcome } from "../../job/outcome.ts";
import type { Exchange } from "../exchange.ts";
import { takesEvents } from "../http/respond.ts";
import {
  CODE,
  type Id,
  invalidParams,
  notification,
  RpcError,
} from "../json_rpc.ts";
import { KEY } from "../meta.ts";
import { detailTask, needTasks, readTask } from "./tasks.ts";

/** Most tasks that one stream follows. */
const MOST_TASKS = 100;

/** Tells what becomes of tasks, until they have ended or the caller has gone. */
export async function listen(exchange: Exchange): Promise<object> {
  if (!takesEvents(exchange.headers)) {
    const message = "Send accept: text/event-stream to be told of what happens";
    throw new RpcError(CODE.invalidRequest, message, { status: 406 });
  }
  const close = exchange.streams.open(exchange.caller.id);
  try {
    return await tellTasks(exchange);
  } finally {
    close();
  }
}

async function tellTasks(exchange: Exchange): Promise<object> {
  const { message: { id, params }, caller, signal, background } = exchange;
  const _meta = { [KEY.subscriptionId]: id as Id };
  if (!isObject(params.notifications)) {
    throw invalidParams("notifications must be an object");
  }
  const wanted = params.notifications.taskIds;
  const tasks = wanted === undefined ? [] : await findTasks(wanted, exchange);
  const taskIds = tasks.map(({ job }) => job.id);
  exchange.notify(
    notification("notifications/subscriptions/acknowledged", {
      // Of the other kinds none is offered, and so none is honoured.
      notifications: wanted === undefined ? {} : { taskIds },
      _meta,
    }),
  );

  async function follow(task: JobOutcome): Promise<void> {
    const watch = jobsOf(exchange.services)
      .watch(task, caller.id, { signal, background });
    for await (const outcome of watch) {
      const params = { ...detailTask(outcome, exchange), _meta };
      exchange.notify(notification("notifications/tasks", params));
    }
  }
  await (tasks.length > 0
    ? Promise.all(tasks.map(follow))
    : waitForAbort(signal));
  return { _meta };
}

/** Of the tasks that are asked for those that the caller may see. */
async function findTasks(
  wanted: unknown,
  exchange: Exchange,
): Promise<JobOutcome[]> {
  needTasks(exchange);
  if (
    !Array.isArray(wanted) || wanted.length > MOST_TASKS ||
    !wanted.every((id) => typeof id === "string")
  ) {
    throw invalidParams(`taskIds must be a list of at most ${MOST_TASKS} ids`);
  }
  const found = await Promise.all(
    [...new Set(wanted)].map((id) =>
      readTask(id, exchange).then((task) => [task], (error) => {
        if (isMissing(error)) return [];
        throw error;
      })
    ),
  );
  return found.flat();
}

function isMissing(error: unknown): boolean {
  return error instanceof CountersignError && error.code === "job_not_found";
}

function waitForAbort(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
