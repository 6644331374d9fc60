/**
 * Questions that a tool puts to whoever called it, and what comes back.
 *
 * The words are those of the Model Context Protocol's elicitation; how a
 * question travels is the protocol's business, and a tool never learns it.
 *
 * @module
 */

import { isObject } from "../json/i_json.ts";
import { refuseNotJson } from "../json/not_json.ts";
import { cut } from "../text.ts";
import { check, sentence } from "./check.ts";
import { jsonSchema } from "./json_schema.ts";
import type { InferOutput, Schema } from "./standard_schema.ts";

/** Asks a person to fill in a form. Never ask for a secret this way. */
export interface FormQuestion<Form extends Schema = Schema> {
  /** What the person reads. */
  readonly message: string;
  /** The form's fields: an object of strings, numbers, booleans and choices. */
  readonly form: Form;
  /** Milliseconds that a job waits before it takes silence for `cancel`. Defaults to a day. */
  readonly withinMs?: number;
}

/** Asks a person to visit a page, for what must not pass through here. */
export interface UrlQuestion {
  /** What the person reads. */
  readonly message: string;
  /** The page. */
  readonly url: string;
  /** Milliseconds that a job waits before it takes silence for `cancel`. Defaults to a day. */
  readonly withinMs?: number;
}

/** Asks the caller's own language model; for a tool that answers at once. */
export interface SamplingQuestion {
  /** The parameters of `sampling/createMessage`. */
  readonly sampling: Readonly<Record<string, unknown>>;
}

/** Asks which folders the caller works in; for a tool that answers at once. */
export interface RootsQuestion {
  /** Says that this is what is asked. */
  readonly roots: true;
}

/** What may be asked. */
export type Question =
  | FormQuestion
  | UrlQuestion
  | SamplingQuestion
  | RootsQuestion;

/** The kinds of questions; a caller says which it takes. */
export type QuestionKind = "form" | "url" | "sampling" | "roots";

/** A person's answer. */
export type QuestionReply<Content> =
  | { readonly action: "accept"; readonly content: Content }
  | { readonly action: "decline" | "cancel" };

/** Asks, under a name that is unique within the call. */
export interface Ask {
  /** Asks a person to fill in a form; what comes back fits its schema. */
  <Form extends Schema>(
    name: string,
    question: FormQuestion<Form>,
  ): Promise<QuestionReply<InferOutput<Form>>>;
  /** Asks a person to visit a page. */
  (name: string, question: UrlQuestion): Promise<QuestionReply<undefined>>;
  /** Asks the caller's model, or for its folders; answers as MCP defines. */
  (
    name: string,
    question: SamplingQuestion | RootsQuestion,
  ): Promise<Record<string, unknown>>;
}

/** A question as it is kept and sent: JSON. */
export type QuestionJson =
  | { readonly kind: "form"; readonly message: string; readonly schema: object }
  | { readonly kind: "url"; readonly message: string; readonly url: string }
  | { readonly kind: "sampling"; readonly params: object }
  | { readonly kind: "roots" };

/** An answer as it came: the value to use, or what is wrong with it. */
export type ReadReply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string };

/** Longest name of a question, in characters. */
const LONGEST_NAME = 128;

/** Refuses a name that no protocol would carry. */
export function checkName(name: string): void {
  const { length } = name;
  if (length >= 1 && length <= LONGEST_NAME && name.isWellFormed()) return;
  throw new TypeError(
    `The name of a question must have 1 to ${LONGEST_NAME} characters, all ` +
      "of them whole",
  );
}

/** The kind of a question. */
export function kindOf(question: Question): QuestionKind {
  if ("form" in question) return "form";
  if ("url" in question) return "url";
  return "sampling" in question ? "sampling" : "roots";
}

/**
 * Writes a question down.
 *
 * @param problem What was wrong with an earlier answer to it.
 * @throws {TypeError} If a form is more than a flat list of fields, or what is
 * asked is not JSON.
 */
export function toJson(question: Question, problem?: string): QuestionJson {
  if ("sampling" in question) {
    refuseNotJson(question.sampling, "What is asked of the model");
    return { kind: "sampling", params: question.sampling };
  }
  if ("roots" in question) return { kind: "roots" };
  const { message: text } = question;
  const message = cut(problem === undefined ? text : `${text} (${problem})`);
  if ("url" in question) {
    return { kind: "url", message, url: cut(question.url) };
  }
  return { kind: "form", message, schema: flattenForm(question.form) };
}

/** Reads an answer. */
export function readReply(question: Question, answer: unknown): ReadReply {
  if ("sampling" in question || "roots" in question) {
    return isObject(answer)
      ? { ok: true, value: answer }
      : { ok: false, problem: "The answer must be an object" };
  }
  const { action, content } = (answer ?? {}) as Record<string, unknown>;
  switch (action) {
    case "decline":
    case "cancel":
      return { ok: true, value: { action } };
    case "accept": {
      if ("url" in question) {
        return { ok: true, value: { action, content: undefined } };
      }
      const checked = check(question.form, pickFields(question.form, content));
      return checked.ok
        ? { ok: true, value: { action, content: checked.value } }
        : { ok: false, problem: sentence(checked.issues) };
    }
    default:
      return {
        ok: false,
        problem: 'The action must be "accept", "decline" or "cancel"',
      };
  }
}

/** Of what a client filled in, the fields that it was asked for. */
function pickFields(form: Schema, content: unknown): unknown {
  if (!isObject(content)) return content;
  const { properties = {} } = jsonSchema(form) as { properties?: object };
  return Object.fromEntries(
    Object.entries(content).filter(([name]) => Object.hasOwn(properties, name)),
  );
}

/** The form as the flat schema that clients can show. */
function flattenForm(form: Schema): object {
  const { type, properties = {}, required } = jsonSchema(form) as {
    type?: unknown;
    properties?: Record<string, Record<string, unknown>>;
    required?: unknown;
  };
  if (type !== "object") throw new TypeError("A form must be an object");
  const flat = Object.entries(properties).map(([name, field]) => {
    const choice = Array.isArray(field.enum) &&
      field.enum.every((value) => typeof value === "string");
    const { type } = choice ? { type: "string" } : field;
    if (!FIELD_TYPES.has(type)) {
      throw new TypeError(
        `Field "${name}" of a form must be a string, a number, a boolean or ` +
          "one of several strings",
      );
    }
    return [name, { type, ...field }];
  });
  return {
    type,
    properties: Object.fromEntries(flat),
    ...required !== undefined && { required },
  };
}

const FIELD_TYPES: ReadonlySet<unknown> = new Set([
  "string",
  "number",
  "integer",
  "boolean",
]);
