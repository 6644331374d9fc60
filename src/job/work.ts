/**
 * A round of work, for platforms that run only when they are called: what is due
 * is begun, then what is long final is removed.
 *
 * @module
 */

import type { Timing } from "../timing.ts";
import { settlesWithin } from "../waiting.ts";
import type { Look } from "./look.ts";
import type { JobStore, StoredJob } from "./store.ts";

/** Where jobs run: what the platform gives them. */
export interface Ground {
  /** The platform's environment. */
  readonly env: unknown;
  /** How long one job may take before it gives way. Without, as long as it likes. */
  readonly sliceMs?: number | undefined;
  /** Whether the platform may stop a job without a word. Defaults to `false`. */
  readonly mayStop?: boolean;
}

/** One round of work; times are in milliseconds. */
export interface WorkRound extends Ground {
  /** Most jobs to work on. */
  readonly limit: number;
  /** How long jobs are begun, and waited for. Defaults to 50,000. */
  readonly budgetMs?: number | undefined;
}

/** What one call of `work` did. */
export interface WorkReport {
  /** Jobs that it began. */
  ran: number;
  /** Finished jobs that it removed. */
  removed: number;
}

/** Removes final jobs whose time is over. */
export interface Sweeper {
  /** Removes some; in how many milliseconds there will be more. */
  sweep(limit: number, report?: WorkReport): Promise<number>;
  /** Removes these. */
  remove(jobs: readonly StoredJob[]): Promise<number>;
}

/** What a round works with. */
export interface RoundServices {
  readonly sweeper: Sweeper;
  readonly timing: Timing;
  /** Begins what is due and fits, up to a limit. */
  readonly look: (limit: number) => Promise<Look>;
}

/** A cron's tick has a minute. */
const BUDGET_MS = 50_000;
/** How often it is looked for what is to be removed, where nothing is known. */
const SWEEP_MS = 60_000;
/** Jobs removed between two looks for jobs to run. */
export const SWEPT_AT_ONCE = 100;

/** Works until nothing is due and all that was begun has ended, or time is over. */
export async function workOn(
  { limit, budgetMs = BUDGET_MS }: WorkRound,
  { sweeper, timing, look }: RoundServices,
): Promise<WorkReport> {
  const report: WorkReport = { ran: 0, removed: 0 };
  const until = timing.monotonic() + budgetMs;
  const leftMs = () => until - timing.monotonic();
  const going = new Set<Promise<unknown>>();
  let final: StoredJob[] = [];
  while (leftMs() > 0) {
    let againMs = Infinity;
    if (report.ran < limit) {
      const found = await look(limit - report.ran);
      ({ final, againMs } = found);
      report.ran += found.begun.length;
      for (const run of found.begun) {
        going.add(run);
        run.finally(() => going.delete(run));
      }
    }
    // Somebody else's silence is waited out, where there is time.
    const isSoon = againMs < leftMs();
    if (going.size === 0 && !isSoon) break;
    const waitMs = Math.min(leftMs(), againMs);
    const next = going.size > 0 ? Promise.race(going) : undefined;
    await settlesWithin(next, waitMs, undefined, timing);
  }
  while (leftMs() > 0) {
    const left = Math.min(SWEPT_AT_ONCE, limit - report.ran - report.removed);
    if (left <= 0) break;
    const before = report.removed;
    report.removed += await sweeper.remove(final.splice(0, left));
    if (report.removed === before) {
      await sweeper.sweep(left, report);
      if (report.removed === before) break;
    }
  }
  return report;
}

/** Makes what sweeps a store. */
export function createSweeper(
  { store, timing, retentionMs }: {
    readonly store: JobStore;
    readonly timing: Timing;
    readonly retentionMs: number;
  },
): Sweeper {
  const { now } = timing;
  let nextAt = -Infinity;
  let sweeping = false;
  return {
    async sweep(limit, report) {
      if (sweeping) return SWEEP_MS;
      if (now() < nextAt) return nextAt - now();
      sweeping = true;
      try {
        const swept = await store.removeGone(now(), limit);
        if (report) report.removed += swept.removed;
        // None that ends from now on is to be removed before.
        nextAt = swept.nextAt ?? now() + Math.min(SWEEP_MS, retentionMs);
      } finally {
        sweeping = false;
      }
      return Math.max(0, nextAt - now());
    },
    remove: (jobs) => store.remove(jobs),
  };
}
