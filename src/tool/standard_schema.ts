/**
 * {@link https://standardschema.dev | Standard Schema}: what the libraries that
 * check values have in common. ArkType, Zod and Valibot all speak it.
 *
 * Schemas are known by this interface and never by a class: a second copy of a
 * library has classes of its own.
 *
 * @module
 */

/** A schema of any library: it checks values, and can be written as JSON Schema. */
// deno-lint-ignore no-explicit-any -- a table of schemas holds schemas of all types
export interface Schema<Input = any, Output = Input> {
  /** What the standard asks for. */
  readonly "~standard": StandardProps<Input, Output>;
}

/** The members that Standard Schema names. */
export interface StandardProps<Input, Output> {
  /** The standard's version. */
  readonly version: 1;
  /** The library's name. */
  readonly vendor: string;
  /** Checks a value; what it lets through may be another value. */
  readonly validate: (
    value: unknown,
  ) => StandardResult<Output> | Promise<StandardResult<Output>>;
  /** Carries the types; never set. */
  readonly types?:
    | { readonly input: Input; readonly output: Output }
    | undefined;
  /** Writes the schema as JSON Schema: Standard JSON Schema, from version 1.1. */
  readonly jsonSchema?: JsonSchemaConverter | undefined;
}

/** Writes a schema as JSON Schema; throws where it cannot be. */
export interface JsonSchemaConverter {
  /** What it takes. */
  readonly input: (options: { target: string }) => Record<string, unknown>;
  /** What it lets through. */
  readonly output: (options: { target: string }) => Record<string, unknown>;
}

/** What a schema says of a value. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** One thing that is wrong with a value. */
export interface StandardIssue {
  /** What, in the library's words. */
  readonly message: string;
  /** Where, from the root. */
  readonly path?:
    | readonly (PropertyKey | { readonly key: PropertyKey })[]
    | undefined;
}

/** What a schema takes. */
export type InferInput<S extends Schema> = NonNullable<
  S["~standard"]["types"]
>["input"];
/** What a schema lets through. */
export type InferOutput<S extends Schema> = NonNullable<
  S["~standard"]["types"]
>["output"];

/** Whether something is a schema. */
export function isSchema(value: unknown): value is Schema {
  if (typeof value !== "object" && typeof value !== "function") return false;
  const props = (value as Partial<Schema> | null)?.["~standard"];
  return typeof props?.validate === "function" && props.version === 1;
}
