/**
 * `subscriptions/listen`: a stream of what happens to tasks
 * (basic/patterns, "Subscriptions"; `notifications/tasks` of the extension).
 *
 * @module
 */

import { jobsOf } from "../../call/services.ts";
import { isObject } from "../../json/i_json.ts";
import { CountersignError } from "../../errors.ts";
import type { Exchange } from "../exchange.ts";
import { type Id, invalidParams, notification } from "../json_rpc.ts";
import { KEY } from "../meta.ts";
import { detailed, needTasks } from "./tasks.ts";

/** Most tasks that one stream follows. */
const MOST_TASKS = 100;

/** Tells what becomes of tasks, until they have ended or the caller has gone. */
export async function listen(exchange: Exchange): Promise<object> {
  const { message: { id, params }, principal, signal, background } = exchange;
  const _meta = { [KEY.subscriptionId]: id as Id };
  if (!isObject(params.notifications)) {
    throw invalidParams("notifications must be an object");
  }
  const wanted = params.notifications.taskIds;
  const taskIds = wanted === undefined ? [] : await ownTasks(wanted, exchange);
  exchange.notify(
    notification("notifications/subscriptions/acknowledged", {
      // Of the other kinds none is offered, and so none is honoured.
      notifications: wanted === undefined ? {} : { taskIds },
      _meta,
    }),
  );

  async function follow(taskId: string): Promise<void> {
    const views = jobsOf(exchange.house)
      .follow(taskId, principal.id, signal, background);
    for await (const view of views) {
      const params = { ...detailed(view, exchange), _meta };
      exchange.notify(notification("notifications/tasks", params));
    }
  }
  await (taskIds.length > 0
    ? Promise.all(taskIds.map(follow))
    : aborted(signal));
  return { _meta };
}

/** Of the tasks that are asked for those that the caller may see. */
async function ownTasks(
  wanted: unknown,
  exchange: Exchange,
): Promise<string[]> {
  needTasks(exchange);
  if (
    !Array.isArray(wanted) || wanted.length > MOST_TASKS ||
    !wanted.every((id) => typeof id === "string")
  ) {
    throw invalidParams(`taskIds must be a list of at most ${MOST_TASKS} ids`);
  }
  const { principal, background } = exchange;
  const visible = await Promise.all(
    [...new Set(wanted)].map((id) =>
      jobsOf(exchange.house).view(id, principal.id, background)
        .then(() => [id], (error) => {
          if (isMissing(error)) return [];
          throw error;
        })
    ),
  );
  return visible.flat();
}

function isMissing(error: unknown): boolean {
  return error instanceof CountersignError && error.code === "job_not_found";
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
