/**
 * Asking a caller who waits: the tool is broken off, its questions are the
 * answer to the call, and the call comes again with what was said
 * (basic/patterns, "Multi round-trip requests").
 *
 * @module
 */

import { isObject } from "../../json/i_json.ts";
import type { Dialogue } from "../../call/call.ts";
import {
  type Ask,
  checkName,
  kindOf,
  type Question,
  type QuestionJson,
  type QuestionKind,
  readReply,
  toJson,
} from "../../tool/question.ts";
import { CODE, RpcError } from "../json_rpc.ts";
import type { Meta } from "../meta.ts";
import type { Answers } from "./request_state.ts";

/** One round of a call. */
export interface Round {
  readonly dialogue: Dialogue;
  /** Settles once the tool cannot go on without an answer; never, if it can. */
  readonly unanswered: Promise<Readonly<Record<string, QuestionJson>>>;
  /** The answers that the tool has taken. */
  readonly taken: Record<string, unknown>;
}

/** What a client declares, for each kind of question. */
const CAPABILITY: Readonly<Record<QuestionKind, object>> = {
  form: { elicitation: { form: {} } },
  url: { elicitation: { url: {} } },
  sampling: { sampling: {} },
  roots: { roots: {} },
};

/** Opens a round, with the answers that came with the call. */
export function openRound(meta: Meta, answers: Answers): Round {
  const taken: Record<string, unknown> = {};
  const pending: Record<string, QuestionJson> = {};
  let resolve: (questions: typeof pending) => void;
  let reject: (error: RpcError) => void;
  const unanswered = new Promise<typeof pending>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // The tool waits for it until it is broken off.
  const never = new Promise<never>(() => {});
  unanswered.catch(() => {}); // a tool may end before anybody waits for this

  function ask(name: string, question: Question): Promise<unknown> {
    checkName(name);
    const kind = kindOf(question);
    if (!takes(meta, kind)) {
      reject(missingCapability(CAPABILITY[kind]));
      return never;
    }
    let problem: string | undefined;
    if (Object.hasOwn(answers, name)) {
      const settled = readReply(question, answers[name]);
      if (settled.ok) {
        taken[name] = answers[name];
        return Promise.resolve(settled.value);
      }
      problem = settled.problem;
    }
    pending[name] = toJson(question, problem);
    setTimeout(() => resolve(pending)); // those asked beside it go with it
    return never;
  }

  return {
    unanswered,
    taken,
    dialogue: {
      ask:
        ((name: string, question: Question) =>
          Promise.resolve().then(() => ask(name, question))) as Ask,
      takes: (kind) => takes(meta, kind),
    },
  };
}

/** Writes questions as the client's inbound requests. */
export function inputRequests(
  questions: Readonly<Record<string, QuestionJson>>,
): Record<string, object> {
  return Object.fromEntries(
    Object.entries(questions).map(([name, posed]) => [name, requestOf(posed)]),
  );
}

/** The refusal of a client that cannot do what the tool needs. */
export function missingCapability(requiredCapabilities: object): RpcError {
  return new RpcError(
    CODE.missingCapability,
    "The tool needs a capability that the client has not declared",
    { data: { requiredCapabilities } },
  );
}

function requestOf(posed: QuestionJson): object {
  const method = "elicitation/create";
  switch (posed.kind) {
    case "form": {
      const { message, schema: requestedSchema } = posed;
      return { method, params: { mode: "form", message, requestedSchema } };
    }
    case "url": {
      const { message, url } = posed;
      return { method, params: { mode: "url", message, url } };
    }
    case "sampling":
      return { method: "sampling/createMessage", params: posed.params };
    case "roots":
      return { method: "roots/list", params: {} };
  }
}

function takes({ capabilities }: Meta, kind: QuestionKind): boolean {
  const { elicitation, sampling, roots } = capabilities;
  switch (kind) {
    case "form": // an empty object means forms
      return isObject(elicitation) &&
        ("form" in elicitation || !("url" in elicitation));
    case "url":
      return isObject(elicitation) && isObject(elicitation.url);
    case "sampling":
      return isObject(sampling);
    case "roots":
      return isObject(roots);
  }
}
