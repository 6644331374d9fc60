/**
 * A job's questions to a person: posed, waited for across restarts, read.
 *
 * @module
 */

import { TerminalError } from "../errors.ts";
import { cut } from "../text.ts";
import {
  checkName,
  type Question,
  type QuestionJson,
  type QuestionReply,
  readReply,
  toJson,
} from "../tool/question.ts";
import { answerStep, createListener } from "./listener.ts";
import type { OpenQuestion } from "./job.ts";
import type { Parts } from "./parts.ts";

/** Asks, and listens for answers. */
export interface Asking {
  /** Asks a person. */
  ask(name: string, question: Question): Promise<QuestionReply<unknown>>;
  /** Poses what is open now: the attempt stays, because it has more to do. */
  stay(): void;
}

/** How long a question stands, where it does not say. */
const ANSWER_WITHIN_MS = 86_400_000;
/** Times that a question is put before wrong answers are taken for silence. */
const MOST_ROUNDS = 10;

/**
 * Makes what asks a person.
 *
 * @param open Takes the questions that this attempt leaves unanswered.
 */
export function createAsking(
  open: Record<string, OpenQuestion>,
  parts: Parts,
): Asking {
  const { replay, bodies, course, keeper, lease, job, timing } = parts;
  const listener = createListener(parts);
  const posed = new Set<string>();

  /** What was answered; `undefined` if nothing was in time. */
  async function pose(key: string, question: OpenQuestion): Promise<unknown> {
    open[key] = question;
    const { told, answer, forget } = listener.listenTo(key);
    await course.waitUntil(question.until, told);
    forget();
    delete open[key];
    return answer();
  }

  async function askRound(
    key: string,
    question: Question,
    problem: string | undefined,
  ): Promise<unknown> {
    const step = answerStep(key);
    if (replay.claimName(step)) {
      lease.settle(key);
      return await replay.outcome(step);
    }
    const { withinMs = ANSWER_WITHIN_MS } = question as { withinMs?: number };
    const until = job.questions?.[key]?.until ?? timing.now() + withinMs;
    const silence = { action: "cancel" };
    if (until > timing.now()) {
      await parts.begin(key);
      const json = wellFormed(toJson(question, problem));
      const answer = await pose(key, { ...json, until });
      if (answer !== undefined) return answer;
    }
    const isSilent = await keeper.keep(step, { value: silence });
    lease.settle(key);
    if (isSilent) return silence;
    return (await parts.readSteps()).get(step)?.value ?? silence;
  }

  return {
    async ask(given, question) {
      bodies.refuse("ask");
      checkName(given);
      if ("sampling" in question || "roots" in question) {
        throw new TerminalError(
          "A job can ask a person only: ask the caller's model in `prepare`",
        );
      }
      const name = given.toWellFormed();
      let problem: string | undefined;
      // An answer that does not fit is asked for again, under a name of its own.
      for (let round = 1; round <= MOST_ROUNDS; round++) {
        const key = round === 1 ? name : `${name}.${round}`;
        const answer = await askRound(key, question, problem);
        const read = readReply(question, answer);
        if (read.ok) return read.value as QuestionReply<unknown>;
        ({ problem } = read);
      }
      return { action: "cancel" };
    },

    stay() {
      const fresh = Object.keys(open).filter((key) => !posed.has(key));
      if (fresh.length === 0) return;
      for (const key of fresh) posed.add(key);
      lease.tell({ questions: { ...open } });
      listener.begin();
    },
  };
}

/** Half an emoji would make the job unreadable to its owner. */
function wellFormed(question: QuestionJson): QuestionJson {
  return "message" in question
    ? { ...question, message: cut(question.message) }
    : question;
}
