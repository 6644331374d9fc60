/**
 * Ends a job for its owner, whoever runs it.
 *
 * @module
 */

import type { Timing } from "../timing.ts";
import { cancel, isFinal } from "./job.ts";
import type { JobStore, StoredJob } from "./store.ts";

/** What a job is ended with. */
export interface CancelOptions {
  readonly store: JobStore;
  /** How long a final job stays readable, in milliseconds. */
  readonly retentionMs: number;
  readonly timing: Timing;
}

/**
 * Cancels a job; one that has ended stays as it is.
 *
 * @param stop Stops the job where it runs here.
 * @returns The job as it then stands; `undefined` if it was removed.
 */
export async function cancelJob(
  stored: StoredJob,
  { store, retentionMs, timing }: CancelOptions,
  stop: (id: string) => void,
): Promise<StoredJob | undefined> {
  let current: StoredJob | undefined = stored;
  while (current) {
    if (isFinal(current.job)) return current;
    const next = cancel(current.job, timing.now(), retentionMs);
    const cancelled = await store.replace(current, next);
    if (cancelled) {
      stop(next.id);
      return cancelled;
    }
    current = await store.read(next.id);
  }
}
