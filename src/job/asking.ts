/**
 * A job's questions to a person: posed, waited for across restarts, read.
 *
 * @module
 */

import { TerminalError } from "../errors.ts";
import type { Timing } from "../timing.ts";
import {
  checkName,
  type Question,
  type QuestionReply,
  readReply,
  toJson,
} from "../tool/question.ts";
import { pause } from "../waiting.ts";
import type { Job, OpenQuestion } from "./job.ts";
import type { Replay } from "./replay.ts";

/** What asking works with. */
export interface AskingOptions {
  readonly replay: Replay;
  /** What earlier attempts asked, and nobody has answered. */
  readonly questions: Job["questions"];
  /** Stops the attempt. */
  readonly signal: AbortSignal;
  /** Keeps a value under the job's lease. */
  keep(name: string, value: unknown): Promise<void>;
  /** Leaves the job until a question is answered, or its time is over. */
  leave(until: number): Promise<never>;
  readonly timing: Timing;
}

/** How long a question stands, where it does not say. */
const ANSWER_WITHIN_MS = 86_400_000;

/**
 * Makes what asks a person.
 *
 * @param open Takes the questions that this attempt leaves unanswered.
 */
export function createAsking(
  open: Record<string, OpenQuestion>,
  options: AskingOptions,
): (name: string, question: Question) => Promise<QuestionReply<unknown>> {
  const { replay, questions, signal, keep, leave, timing } = options;

  /** An answer that does not fit is asked for again, under a name of its own. */
  return async (name, question) => {
    checkName(name);
    if ("sampling" in question || "roots" in question) {
      throw new TerminalError(
        "A job can ask a person only: ask the caller's model in `prepare`",
      );
    }
    const { withinMs = ANSWER_WITHIN_MS } = question;
    let problem: string | undefined;
    for (let round = 1;; round++) {
      const key = round === 1 ? name : `${name}.${round}`;
      const step = answerStep(key);
      if (!replay.claimName(step)) {
        await replay.waitForAll(key);
        const until = questions?.[key]?.until ?? timing.now() + withinMs;
        if (until > timing.now()) {
          open[key] = { ...toJson(question, problem), until };
          await pause(0, signal, timing); // those asked beside it go with it
          await leave(until);
        }
        await keep(step, { action: "cancel" });
        return { action: "cancel" };
      }
      const read = readReply(question, replay.value(step));
      if (read.ok) return read.value as QuestionReply<unknown>;
      problem = read.problem;
    }
  };
}

/** The step that keeps the answer to a question. */
export function answerStep(name: string): string {
  return `~ask ${name}`;
}
