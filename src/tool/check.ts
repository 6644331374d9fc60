/**
 * Checks values by their schemas, whoever made these, and fails closed: what a
 * schema does not clearly let through is refused.
 *
 * @module
 */

import "./jitless.ts"; // first
import * as arktype from "arktype";
import type { Issue } from "../errors.ts";
import { findMisfits } from "./misfits.ts";
import { tellIssue } from "./issue.ts";
import { inputSchema, jsonSchema } from "./json_schema.ts";
import {
  isSchema,
  type Schema,
  type StandardIssue,
} from "./standard_schema.ts";

/** What a schema says of a value: the value to use, or what is wrong with it. */
export type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Most issues that are told, and looked for. */
export const MAX_ISSUES = 20;

/**
 * Checks a value; defaults are filled in and morphs applied.
 *
 * @throws {TypeError} If the schema is none, or takes its time.
 */
export function check(schema: Schema, value: unknown): Checked {
  const inner = wrapped.get(schema) ?? schema;
  if (isOurs(inner)) return checkOurs(inner, value);
  if (!isSchema(inner)) {
    throw new TypeError("Cannot check by what is no schema");
  }
  const misfits = findMisfits(inputSchema(schema), value, MAX_ISSUES);
  if (misfits.length > 0) return { ok: false, issues: misfits };
  const result: unknown = inner["~standard"].validate(value);
  if (typeof result !== "object" || result === null) {
    throw new TypeError("The schema gave no result");
  }
  if (result instanceof Promise) {
    result.catch(() => {}); // nobody waits for it
    throw new TypeError("A schema must check at once, and this one waits");
  }
  const { issues } = result as { issues?: readonly StandardIssue[] };
  if (issues) return refusedFor(issues, value, schema);
  if ("value" in result) return { ok: true, value: result.value };
  throw new TypeError("The schema gave neither a value nor issues");
}

/** Issues as one sentence, for people and models. */
export function sentence(issues: readonly Issue[]): string {
  return issues.map((issue) => issue.message).join("; ");
}

/** A schema that is another's, under a JSON Schema of its own. */
const wrapped = new WeakMap<Schema, Schema>();

/** Gives a schema another JSON Schema, for what callers are to be told beside. */
export function withJsonSchema<S extends Schema>(
  schema: S,
  input: Readonly<Record<string, unknown>>,
): S {
  const standard = schema["~standard"];
  const output = () => ({ ...jsonSchema(schema, "output") });
  const made = {
    "~standard": {
      version: standard.version,
      vendor: standard.vendor,
      validate: standard.validate,
      jsonSchema: { input: () => ({ ...input }), output },
    },
  } satisfies Schema;
  wrapped.set(made, wrapped.get(schema) ?? schema);
  return made as unknown as S;
}

/** The part of ArkType's nodes that is not in its types. */
interface Node {
  readonly includesTransform?: boolean;
  readonly $: {
    readonly resolvedConfig: ConstructorParameters<typeof arktype.Traversal>[1];
    finalize(node: unknown): unknown;
  };
  traverseApply(value: unknown, traversal: arktype.Traversal): void;
  transform(
    mapper: (kind: string, inner: { sequence?: unknown }) => object,
  ): unknown;
}

interface OurSchema extends Schema {
  readonly internal: Node;
  allows(value: unknown): boolean;
}

/** Whether a schema is of this very copy of ArkType, whose insides are known. */
function isOurs(schema: unknown): schema is OurSchema {
  return schema instanceof arktype.Type;
}

/**
 * Spares arrays the search for undeclared members, which no JSON array has.
 *
 * A strict scope makes ArkType look for them, at 40 ns an element; what is
 * refused stays the same. A schema of any other copy comes back as it is.
 */
export function skipArrayKeyChecks<S extends Schema>(schema: S): S {
  if (!isOurs(schema)) return schema;
  const { internal }: OurSchema = schema;
  const node = internal.transform((kind, inner) =>
    kind === "structure" && inner.sequence
      ? { ...inner, undeclared: "ignore" }
      : inner
  );
  return internal.$.finalize(node) as S;
}

/** Breaks a search off that has found enough. */
const ENOUGH = new Error("Enough issues");

/** Checks as ArkType does, but stops at the first issues: it collects all. */
function checkOurs(schema: OurSchema, value: unknown): Checked {
  const { internal } = schema;
  if (internal.includesTransform === false && schema.allows(value)) {
    return { ok: true, value };
  }
  const traversal = new arktype.Traversal(value, internal.$.resolvedConfig);
  const { errors } = traversal;
  const add = errors.add;
  errors.add = (error) => {
    add.call(errors, error);
    if (errors.length >= MAX_ISSUES) throw ENOUGH;
  };
  let out: unknown;
  try {
    internal.traverseApply(value, traversal);
    out = traversal.finalize();
  } catch (thrown) {
    if (thrown !== ENOUGH) throw thrown;
  }
  if (errors.length === 0) return { ok: true, value: out };
  return refusedFor(errors, value, schema);
}

function refusedFor(
  found: Iterable<StandardIssue>,
  value: unknown,
  schema: Schema,
): Checked {
  const issues: Issue[] = [];
  for (const issue of found) {
    issues.push(tellIssue(issue, value, schema));
    if (issues.length === MAX_ISSUES) break;
  }
  if (issues.length === 0) {
    issues.push({ path: [], message: "It does not match its schema" });
  }
  return { ok: false, issues };
}
