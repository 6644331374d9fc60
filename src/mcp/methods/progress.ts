/**
 * Progress, for callers that sent a token (basic/patterns, "Progress").
 *
 * @module
 */

import type { Progress } from "../../job/job.ts";
import type { Exchange } from "../exchange.ts";
import { notification } from "../json_rpc.ts";

/** Makes what tells a caller how far its call is; `undefined` if it did not ask. */
export function createReporter(
  { meta: { progressToken }, notify }: Exchange,
): ((progress: Progress) => void) | undefined {
  if (progressToken === undefined) return undefined;
  let last = -1;
  return ({ fraction: progress, message }) => {
    if (progress <= last) return; // it MUST increase
    last = progress;
    const total = 1;
    const params = {
      progressToken,
      progress,
      total,
      message,
    };
    notify(notification("notifications/progress", params));
  };
}
