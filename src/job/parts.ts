/**
 * What the parts of a journal share.
 *
 * @module
 */

import type { Timing } from "../timing.ts";
import type { Course } from "./course.ts";
import type { Job } from "./job.ts";
import type { Keeper } from "./keeper.ts";
import type { Lease } from "./lease.ts";
import type { Bodies } from "./nesting.ts";
import type { Replay } from "./replay.ts";
import type { StepOutcome } from "./store.ts";

/** Options for {@linkcode createJournal}. */
export interface JournalOptions {
  readonly job: Job;
  /** What earlier attempts kept. */
  readonly kept: ReadonlyMap<string, StepOutcome>;
  /** Most characters of JSON that the steps of a job may keep together. */
  readonly maxJobBytes: number;
  /** Reads what is kept by now. */
  readonly readSteps: () => Promise<ReadonlyMap<string, StepOutcome>>;
  /** The hold on the job. */
  readonly lease: Lease;
  /** Stops the attempt. */
  readonly signal: AbortSignal;
  /** Unix milliseconds after which no step but the first is begun here. */
  readonly sliceEnd: number;
  /** Called, at most once, when the attempt should stop here and go on at a time. */
  readonly suspend: (wakeAt: number, questions: Job["questions"]) => void;
  /** Called when something was kept that was not before. */
  readonly advanced: () => unknown;
  readonly timing: Timing;
}

/** What the parts of a journal share. */
export interface Parts extends JournalOptions {
  readonly replay: Replay;
  readonly course: Course;
  readonly bodies: Bodies;
  readonly keeper: Keeper;
  /**
   * Goes on once something new may begin: all that was kept has been asked for,
   * nothing is being left, and the failures that the tool went on from are kept.
   */
  begin(name: string): Promise<void>;
}
