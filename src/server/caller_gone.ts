/**
 * Notices that a caller has gone before the answer.
 *
 * @module
 */

/**
 * The signal that is aborted when nobody waits for the answer any more.
 *
 * Under `Deno.serve` every answer aborts `request.signal`, delivered or not,
 * and whoever listens is warned of it; there `info.completed` tells.
 *
 * @param info What Deno hands over beside the request.
 */
export function watchCaller(request: Request, info: unknown): AbortSignal {
  const { completed } = (info ?? {}) as { completed?: unknown };
  if (!(completed instanceof Promise)) return request.signal;
  const gone = new AbortController();
  completed.catch((reason) => gone.abort(reason));
  return gone.signal;
}
