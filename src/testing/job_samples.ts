/**
 * Jobs for the checks of a store of jobs, and such a store.
 *
 * @module
 */

import { accept, claim, complete, type Job } from "../job/job.ts";
import { kvJobStore } from "../job/kv_store.ts";
import type { JobStore, NewJob, StoredJob } from "../job/store.ts";
import type { KvLike } from "../kv/kv.ts";
import type { Nonce } from "../signing/nonce.ts";
import { createTiming } from "../timing.ts";
import { assert, assertEquals } from "./expect.ts";

export const NOW: number = Date.UTC(2030, 0);
export const MAX_BYTES = 300_000;

/** A store of its own for each check. */
export function storeOn(kv: KvLike): JobStore {
  const prefix = ["test", crypto.randomUUID()];
  const timing = createTiming(() => NOW);
  return kvJobStore(kv, { prefix, maxValueBytes: MAX_BYTES, timing });
}

export function assertSame(
  actual: StoredJob | undefined,
  expected: StoredJob | undefined,
) {
  assertEquals([actual?.job, actual?.version], [
    expected?.job,
    expected?.version,
  ]);
}

export function newJob(
  id: string = crypto.randomUUID(),
  args: unknown = {},
  clientId = "client",
  createdAt = NOW,
): NewJob {
  const request = { id, tool: "tool", clientId, requestId: id };
  return { ...accept(request, createdAt, undefined, 1000), args };
}

export function resultOf(store: JobStore, done: StoredJob | undefined) {
  assert(done);
  return store.value(done.job, done.job.result);
}

export async function accepted(
  store: JobStore,
  { args = {}, nonce = fresh(), clientId, createdAt }: {
    args?: unknown;
    nonce?: Nonce;
    clientId?: string;
    createdAt?: number;
  } = {},
): Promise<StoredJob> {
  const job = newJob(undefined, args, clientId, createdAt);
  const acceptance = await store.accept(job, nonce, 100);
  assert(acceptance.kind === "accepted", acceptance.kind);
  return acceptance.stored;
}

export async function leased(
  store: JobStore,
  held: StoredJob,
  lease = "lease",
) {
  const next = claim(held.job, NOW, lease, 1000 + held.job.runs);
  const written = await store.replace(held, next);
  assert(written);
  return written;
}

export function ended(job: Job) {
  return (kept: NonNullable<Job["result"]>) => complete(job, NOW, 1000, kept);
}

export function fresh(): Nonce {
  const expiresAt = NOW + 300_000;
  return { clientId: "client", value: crypto.randomUUID(), expiresAt };
}
