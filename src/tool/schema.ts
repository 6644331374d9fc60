/**
 * Schemas: {@link https://arktype.io | ArkType}, strict and without generated code.
 *
 * @module
 */

import "./jitless.ts"; // first
import * as arktype from "arktype";
import type { Issue } from "../errors.ts";

/**
 * ArkType's `type`, made for tools: unknown members are refused at every level,
 * and no code is generated, which Workers forbid within a request.
 *
 * @example A schema
 * ```ts
 * import { type } from "@countersign/mcp";
 *
 * const input = type({ numbers: "number[] >= 1", "label?": "string <= 64" });
 * ```
 */
export const type: (typeof arktype)["type"] = arktype.scope(
  {},
  // A scope obeys `onUndeclaredKey`, though its types name it only globally.
  { jitless: true, onUndeclaredKey: "reject" } as { jitless: true },
).type as unknown as (typeof arktype)["type"];

/** A JSON object: any members, but not an array. */
export const jsonObject: arktype.Type<object> = type("object").narrow(
  (
    value,
    context,
  ) => !Array.isArray(value) || context.mustBe("an object, not an array"),
);

/** A schema: a type of ArkType's. */
export interface Schema {
  /** Takes a value; returns what to use for it, or errors. */
  // deno-lint-ignore no-explicit-any -- each schema has types of its own
  (value: unknown): any;
  /** Type of what the schema lets through; never set. */
  // deno-lint-ignore no-explicit-any
  readonly infer: any;
  /** Type of what the schema takes; never set. */
  // deno-lint-ignore no-explicit-any
  readonly inferIn: any;
  /** The schema as JSON Schema. */
  toJsonSchema(options: {
    dialect: "https://json-schema.org/draft/2020-12/schema";
    fallback: (context: { base: object }) => object;
  }): object;
}

/** The part of ArkType's nodes that {@linkcode skipArrayKeyChecks} rebuilds a schema with. */
interface Node {
  readonly $: { finalize(node: unknown): unknown };
  transform(
    mapper: (kind: string, inner: { sequence?: unknown }) => object,
  ): unknown;
}

/**
 * Spares arrays the search for undeclared members, which no JSON array has.
 *
 * A strict scope makes ArkType look for them, at 40 ns an element; what is
 * refused stays the same. A schema that is not ArkType's comes back as it is.
 */
export function skipArrayKeyChecks<S extends Schema>(schema: S): S {
  const { internal } = schema as { internal?: Partial<Node> };
  if (!internal?.transform || !internal.$) return schema;
  const node = internal.transform((kind, inner) =>
    kind === "structure" && inner.sequence
      ? { ...inner, undeclared: "ignore" }
      : inner
  );
  return internal.$.finalize(node) as S;
}

/** What a schema says of a value: the value to use, or what is wrong with it. */
export type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly issues: readonly Issue[] };

const MAX_ISSUES = 20;
const MAX_MESSAGE = 200;

/** Checks a value; defaults are filled in and morphs applied. */
export function check(schema: Schema, value: unknown): Checked {
  const out = schema(value);
  if (!(out instanceof arktype.ArkErrors)) return { ok: true, value: out };
  const issues = Array.from(out).slice(0, MAX_ISSUES).map((error) => ({
    path: Array.from(
      error.path,
      (part) => typeof part === "number" ? part : String(part),
    ),
    message: error.message.slice(0, MAX_MESSAGE),
  }));
  return { ok: false, issues };
}

/** Issues as one sentence, for people and models. */
export function sentence(issues: readonly Issue[]): string {
  return issues.map((issue) => issue.message).join("; ");
}

/** Schemas are settled: each is turned into JSON Schema once. */
const written = new WeakMap<Schema, Readonly<Record<string, unknown>>>();

/**
 * The schema as JSON Schema 2020-12.
 *
 * What JSON Schema cannot say (a predicate, a morph) is left out there and
 * still checked here.
 */
export function jsonSchema(schema: Schema): Readonly<Record<string, unknown>> {
  const known = written.get(schema);
  if (known) return known;
  const made = schema.toJsonSchema({
    dialect: "https://json-schema.org/draft/2020-12/schema",
    fallback: (context) => context.base,
  }) as Record<string, unknown>;
  written.set(schema, made);
  return made;
}
