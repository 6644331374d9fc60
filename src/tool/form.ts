/**
 * Checks an answer against the question as it was put: the flat schema of its
 * form. What no JSON Schema says, the tool's own schema refuses later.
 *
 * @module
 */

import type { Issue } from "../errors.ts";
import { isObject } from "../json/i_json.ts";
import { cut } from "../text.ts";
import type { QuestionJson } from "./question.ts";

/** A field of a form, as far as it is checked. */
interface Field {
  readonly type?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** What is wrong with an answer; nothing, if it fits. */
export function checkReply(
  question: QuestionJson,
  answer: unknown,
  path: readonly (string | number)[],
): Issue[] {
  const { action, content } = Object(answer) as Record<string, unknown>;
  if (action === "decline" || action === "cancel") return [];
  if (action !== "accept") {
    const message = 'The action must be "accept", "decline" or "cancel"';
    return [{ path: [...path, "action"], message }];
  }
  if (question.kind !== "form") return [];
  const at = [...path, "content"];
  if (!isObject(content)) {
    return [{ path: at, message: "The content must be an object" }];
  }
  const { properties = {}, required = [] } = question.schema as {
    properties?: Record<string, Field>;
    required?: readonly string[];
  };
  const missing = required.filter((name) => !Object.hasOwn(content, name))
    .map((name) => ({
      path: [...at, name],
      message: `${name} must be given`,
    }));
  const wrong = Object.entries(content).flatMap(([name, value]) => {
    if (!Object.hasOwn(properties, name)) {
      const message = `The form has no field "${cut(name, 64)}"`;
      return [{ path: [...at, cut(name, 64)], message }];
    }
    const problem = checkField(properties[name], value);
    if (problem === undefined) return [];
    return [{ path: [...at, name], message: `${name} must be ${problem}` }];
  });
  return [...missing, ...wrong];
}

/** What a value should have been, if it is not. */
function checkField(field: Field, value: unknown): string | undefined {
  if (field.enum && !field.enum.includes(value)) {
    return `one of ${
      field.enum.map((choice) => JSON.stringify(choice)).join(", ")
    }`;
  }
  if ("const" in field && field.const !== value) {
    return JSON.stringify(field.const);
  }
  switch (field.type) {
    case "boolean":
      return typeof value === "boolean" ? undefined : "true or false";
    case "string":
      return typeof value === "string" ? checkText(field, value) : "a string";
    case "integer":
      if (!Number.isSafeInteger(value)) return "an integer";
      return checkNumber(field, value as number);
    case "number":
      if (typeof value !== "number") return "a number";
      return checkNumber(field, value);
  }
}

function checkText(
  { minLength = 0, maxLength = Infinity, pattern }: Field,
  value: string,
): string | undefined {
  if (value.length < minLength) return `at least length ${minLength}`;
  if (value.length > maxLength) return `at most length ${maxLength}`;
  if (pattern === undefined || new RegExp(pattern).test(value)) {
    return undefined;
  }
  return `matched by ${pattern}`;
}

function checkNumber(field: Field, value: number): string | undefined {
  const {
    minimum = -Infinity,
    maximum = Infinity,
    exclusiveMinimum = -Infinity,
    exclusiveMaximum = Infinity,
  } = field;
  if (value < minimum) return `at least ${minimum}`;
  if (value > maximum) return `at most ${maximum}`;
  if (value <= exclusiveMinimum) return `more than ${exclusiveMinimum}`;
  if (value >= exclusiveMaximum) return `less than ${exclusiveMaximum}`;
}
