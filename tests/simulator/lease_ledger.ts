/** Watches who holds each job's lease, and what becomes of it. */
import type { Books, JobFacts } from "./job_facts.ts";
import type { Process } from "./process.ts";
import type { JobRecord } from "./records.ts";

/** Leases after which what froze has thawed, and what hung has answered. */
const CALMED_LEASES = 10;

/**
 * Who held the lease, and who holds it now.
 *
 * @param by Who wrote; `undefined` for who told the job an answer.
 */
export function followLease(
  books: Books,
  facts: JobFacts,
  was: JobRecord,
  is: JobRecord,
  by: Process | undefined,
): void {
  const { world, mix, isPromised } = books;
  if (is.lease !== undefined && is.lease !== was.lease) {
    if (was.lease !== undefined) {
      world.reach("a lease was taken over");
      const stoodMs = world.now() - facts.writtenAt;
      if (isPromised && stoodMs < mix.leaseMs) {
        world.blame(
          "a lease was taken over before it had stood",
          `${is.requestId}, after ${stoodMs} ms`,
        );
      }
    }
    if (was.lease === undefined) checkWaking(books, was);
    facts.claims++;
    facts.holder = by;
    facts.suspendedAt = undefined;
    return;
  }
  if (was.lease === undefined) return;
  const isOther = by !== facts.holder;
  if (by && isOther && is.status !== "cancelled" && is.lease !== undefined) {
    world.blame("somebody wrote under another's lease", is.requestId);
  }
  if (is.lease === undefined && is.status === "working") {
    facts.suspendedAt = world.now();
    facts.hasKilled = false; // it had been given up before it did
    world.reach("a job was suspended");
    if (isPromised && !isOther && is.progress?.fraction !== facts.progress) {
      world.blame("progress was lost", is.requestId);
    }
  }
}

/** Who drives itself is there in time, wherever all is well and there is room. */
function checkWaking(
  { world, mix, isPromised }: Books,
  { requestId, dueAt }: JobRecord,
): void {
  const calmedAt = mix.kind === "calm"
    ? 0
    : mix.chaosMs + CALMED_LEASES * mix.leaseMs;
  const isWell = world.now() > calmedAt && mix.skewMs === 0 &&
    mix.jumps === 0 && isPromised && mix.drives &&
    mix.jobs <= Math.min(mix.concurrency, mix.maxRunning);
  if (!isWell) return;
  world.reach("a job was woken where all is well");
  const lateMs = world.date() - dueAt;
  const soonMs = Math.max(2000, mix.leaseMs) + 20 * mix.network.latencyMs;
  if (lateMs <= soonMs) return;
  world.blame("a job was woken too late", `${requestId}: ${lateMs} ms`);
}
