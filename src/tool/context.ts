/**
 * What a running tool is given.
 *
 * @module
 */

import type { KvLike } from "../kv/kv.ts";
import type { Ask, QuestionKind } from "./question.ts";

/** What a running tool may reach. */
export interface ToolContext {
  /** Who is calling. */
  readonly clientId: string;
  /** The call's id; the same for a job's every attempt. */
  readonly requestId: string;
  /** Aborted when nobody waits for the result any more. */
  readonly signal: AbortSignal;
  /** The platform's environment: bindings on Workers, else what `handle` got. */
  readonly env: unknown;
  /** The server's KV, where it has one; keys of your own choosing. */
  readonly kv: KvLike | undefined;
  /** Writes a line to the server's log, marked with the call. */
  log(message: string, fields?: Record<string, unknown>): void;
  /** Tells those who wait how far the work is: 0 to 1, and in words. */
  progress(fraction: number, message?: string): void;
  /**
   * Asks the caller something. A job waits for the answer, for days and across
   * restarts; any other tool is run again from its start once there is one, so
   * it should ask before it changes anything.
   *
   * @throws {ToolError} If this caller cannot be asked.
   */
  readonly ask: Ask;
  /** Whether the caller takes such a question. */
  canAsk(kind: QuestionKind): boolean;
}

/** What a running job may reach. */
export interface JobContext extends ToolContext {
  /** 1 for the first attempt, counting those that failed or died. */
  readonly attempt: number;
  /**
   * Runs `run` once and keeps its value: later attempts get what was kept.
   *
   * A process that dies between the side effect and the commit runs it again;
   * nothing runs again once it is kept.
   *
   * A step that throws is run again by the job's next attempt. If the tool
   * catches what it threw and goes on, or it has `attempts` of its own, its
   * failure is kept as well: later attempts get an error of the same name and
   * message.
   *
   * @param name Unique within the job, and the same in every attempt.
   * @throws {TerminalError} If the name was used already, or the value is not
   * JSON, or this is called within the body of a step.
   */
  step<T>(
    name: string,
    run: (scope: StepScope) => T | Promise<T>,
  ): Promise<T>;
  /** Runs a step that is tried several times, or that has its own time limit. */
  step<T>(
    name: string,
    options: StepOptions,
    run: (scope: StepScope) => T | Promise<T>,
  ): Promise<T>;
  /**
   * Sleeps for milliseconds or until a date, across restarts.
   *
   * @param name Tells sleeps apart that are slept side by side and are as long,
   * or of a length that differs from attempt to attempt.
   */
  sleep(until: number | Date, name?: string): Promise<void>;
}

/** How a step is run; times are in milliseconds. */
export interface StepOptions {
  /**
   * Times that it is tried before its failure is kept. Without, a step that
   * fails is tried again by the job's next attempt.
   */
  attempts?: number;
  /** Longest pause after its first failure; doubles with each. Defaults to 1,000. */
  backoffMs?: number;
  /** How long one try may take. Defaults to no limit. */
  timeoutMs?: number;
}

/** What a step's body is given. */
export interface StepScope {
  /**
   * The same in every attempt, and for this step of this job only: an
   * idempotency key for whoever does the step's work.
   */
  readonly key: string;
  /** Aborted when the attempt is over. */
  readonly signal: AbortSignal;
}
