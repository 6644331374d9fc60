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
  /** What Standard Schema, and from version 1.1 Standard JSON Schema, ask for. */
  readonly "~standard": {
    /** The standard's version. */
    readonly version: 1;
    /** The library's name. */
    readonly vendor: string;
    /** Checks a value; what it lets through may be another value. */
    readonly validate: (value: unknown) =>
      | { readonly value: Output; readonly issues?: undefined }
      | {
        readonly issues: readonly {
          readonly message: string;
          readonly path?:
            | readonly (PropertyKey | { readonly key: PropertyKey })[]
            | undefined;
        }[];
      }
      | Promise<unknown>;
    /** Carries the types; never set. */
    readonly types?:
      | { readonly input: Input; readonly output: Output }
      | undefined;
    /** Writes the schema as JSON Schema; throws where it cannot be. */
    readonly jsonSchema?: {
      /** What it takes. */
      readonly input: (options: { target: string }) => Record<string, unknown>;
      /** What it lets through. */
      readonly output: (options: { target: string }) => Record<string, unknown>;
    } | undefined;
  };
}

/** What a schema says of a value. */
export type StandardResult<Output = unknown> = Exclude<
  ReturnType<Schema<unknown, Output>["~standard"]["validate"]>,
  Promise<unknown>
>;

/** One thing that is wrong with a value. */
export type StandardIssue = NonNullable<StandardResult["issues"]>[number];

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
