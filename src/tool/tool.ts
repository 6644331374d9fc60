/**
 * Tools: what one is, and what it is given.
 *
 * @module
 */

import type { JobContext, ToolContext } from "./context.ts";
import { cut } from "../text.ts";
import type { InferInput, InferOutput, Schema } from "./standard_schema.ts";
import { checkSchemas } from "./tool_schemas.ts";

/** How a job is run. */
export interface JobOptions {
  /** Attempts before the job fails. Defaults to 5. */
  attempts?: number;
  /** Longest pause after the first failure, in milliseconds; doubles with each. Defaults to 1,000. */
  backoffMs?: number;
  /** When a client should first ask, in milliseconds. Defaults to 500. */
  pollAfterMs?: number;
  /**
   * Milliseconds that the first answer waits for the job's end: one that ends
   * in time answers with its result. Defaults to 0.
   *
   * So a tool that must not run twice is a job that waits: who lost the answer
   * sends the same request id again, and gets the one that was recorded.
   */
  waitMs?: number;
  /** Most jobs of this tool that one instance runs at once. Defaults to no limit. */
  concurrency?: number;
  /** Whether callers that cannot follow a job may wait for it. Defaults to `true`. */
  inline?: boolean;
}

/** What a tool does to the world, for those who decide whether to call it: hints, never promises. */
export interface ToolAnnotations {
  /** Whether it changes nothing. */
  readonly readOnlyHint?: boolean;
  /** Whether it may destroy what was there. */
  readonly destructiveHint?: boolean;
  /** Whether a second call with the same arguments changes nothing more. */
  readonly idempotentHint?: boolean;
  /** Whether it reaches beyond this server. */
  readonly openWorldHint?: boolean;
}

/** A tool, as {@linkcode defineTool} makes it. */
// deno-lint-ignore no-explicit-any -- a table of tools holds tools of all types
export interface Tool<Args = any, Result = any, Job extends boolean = boolean> {
  /** What it does, for the model that chooses among tools. */
  readonly description: string;
  /** Its name for people. */
  readonly title: string | undefined;
  /** What it does to the world. */
  readonly annotations: ToolAnnotations | undefined;
  /** Schema of the arguments. */
  readonly input: Schema;
  /** Schema of the result; a result that fails it is never sent. */
  readonly output: Schema | undefined;
  /** How it runs as a job; `undefined` for a tool that answers at once. */
  readonly job: Required<JobOptions> | undefined;
  /** Whether a call may run twice without harm, so that it costs no nonce. */
  readonly replayable: boolean;
  /** Milliseconds that one run may take. */
  readonly timeoutMs: number | undefined;
  /** The work. */
  // deno-lint-ignore no-explicit-any
  run(args: any, context: any): unknown;
  /** What is done before a job is accepted; returns the job's arguments. */
  // deno-lint-ignore no-explicit-any
  readonly prepare: ((args: any, context: ToolContext) => unknown) | undefined;
  /** Carries the types to the client; never set. */
  readonly infer?: { args: Args; result: Result; job: Job };
}

/** Tools by name. */
export type Tools = Readonly<Record<string, Tool>>;

/** What {@linkcode defineTool} takes. */
export interface ToolDefinition<
  Input extends Schema,
  Output extends Schema | undefined,
  Result,
  Context,
> {
  /** What it does, for the model that chooses among tools. */
  description: string;
  /** Its name for people. */
  title?: string;
  /** What it does to the world. */
  annotations?: ToolAnnotations;
  /** Schema of the arguments: made with `type`, or any Standard Schema. */
  input: Input;
  /** Whether arguments that `input` does not name are let through. Defaults to `false`. */
  open?: boolean;
  /** Schema of the result. Without one, any JSON is sent. */
  output?: Output;
  /** Whether a call may run twice without harm. Defaults to `false`. */
  replayable?: boolean;
  /** Milliseconds that one run (of a job: one attempt) may take. Defaults to no limit. */
  timeoutMs?: number;
  /** The work: takes checked arguments, returns JSON. */
  run(
    args: InferOutput<Input>,
    context: Context,
  ): ToolReturn<Output, Result> | Promise<ToolReturn<Output, Result>>;
}

/** What a job's definition has beside. */
export interface JobDefinition<Args> {
  /** That it is a job, and how it runs. */
  job: true | JobOptions;
  /**
   * Done before the job is accepted, while the caller waits: it may ask, and
   * refuse with a `ToolError`. What it returns are the job's arguments.
   */
  prepare?(args: Args, context: ToolContext): Args | Promise<Args>;
}

/** What a tool returns: what its output schema takes, or anything. */
export type ToolReturn<Output, Result> = Output extends Schema
  ? InferInput<Output>
  : Result;
/** What a caller gets: what the output schema makes of it. */
export type ToolResult<Output, Result> = Output extends Schema
  ? InferOutput<Output>
  : Result;

/**
 * Defines a tool, its types inferred from its schemas.
 *
 * @throws {TypeError} If the description is empty, or a schema is none, has no
 * JSON Schema, or lets through what it does not name.
 * @throws {RangeError} If a number is out of range.
 *
 * @example A tool that answers at once
 * ```ts
 * import { defineTool, type } from "@countersign/mcp";
 *
 * const greet = defineTool({
 *   description: "Greets someone by name",
 *   input: type({ name: "1 <= string <= 64" }),
 *   output: type({ greeting: "string" }),
 *   run: ({ name }) => ({ greeting: `Hello, ${name}!` }),
 * });
 * ```
 *
 * @example A job: accepted at once, run for as long as it takes
 * ```ts
 * import { defineTool, type } from "@countersign/mcp";
 *
 * const count = defineTool({
 *   description: "Counts the bytes of a page",
 *   input: type({ url: "string.url" }),
 *   job: true,
 *   run: async ({ url }, { step, signal }) => {
 *     const page = await step("fetch", async () =>
 *       await (await fetch(url, { signal })).text());
 *     return { length: page.length };
 *   },
 * });
 * ```
 */
export function defineTool<
  const Input extends Schema,
  Result,
  const Output extends Schema | undefined = undefined,
>(
  definition:
    & ToolDefinition<Input, Output, Result, JobContext>
    & JobDefinition<InferOutput<Input>>,
): Tool<InferInput<Input>, ToolResult<Output, Result>, true>;
/** Defines a tool that answers at once. */
export function defineTool<
  const Input extends Schema,
  Result,
  const Output extends Schema | undefined = undefined,
>(
  definition:
    & ToolDefinition<Input, Output, Result, ToolContext>
    & { job?: undefined },
): Tool<InferInput<Input>, ToolResult<Output, Result>, false>;
export function defineTool(
  definition:
    & ToolDefinition<Schema, Schema | undefined, unknown, never>
    & Partial<JobDefinition<unknown>>,
): Tool {
  const {
    description,
    title,
    annotations,
    open = false,
    replayable = false,
    timeoutMs,
    prepare,
  } = definition;
  if (description.trim() === "") {
    throw new TypeError("Cannot define a tool without a description");
  }
  if (timeoutMs !== undefined && !(timeoutMs > 0)) {
    throw new RangeError(`timeoutMs must be above 0, is ${timeoutMs}`);
  }
  const job = definition.job === undefined
    ? undefined
    : jobOptions(definition.job === true ? {} : definition.job);
  return {
    description: cut(description),
    title: title && cut(title),
    annotations,
    ...checkSchemas(definition, open),
    job,
    replayable,
    timeoutMs,
    run: definition.run as Tool["run"],
    prepare: prepare as Tool["prepare"],
  };
}

function jobOptions(options: JobOptions): Required<JobOptions> {
  const {
    attempts = 5,
    backoffMs = 1000,
    pollAfterMs = 500,
    waitMs = 0,
    concurrency = Infinity,
    inline = true,
  } = options;
  if (!Number.isSafeInteger(attempts) || attempts < 1) {
    throw new RangeError(
      `attempts must be an integer of at least 1, is ${attempts}`,
    );
  }
  if (!(concurrency >= 1)) {
    throw new RangeError(`concurrency must be at least 1, is ${concurrency}`);
  }
  const times = { backoffMs, pollAfterMs, waitMs };
  for (const [name, ms] of Object.entries(times)) {
    if (!(ms >= 0)) {
      throw new RangeError(`${name} must be at least 0, is ${ms}`);
    }
  }
  return { attempts, backoffMs, pollAfterMs, waitMs, concurrency, inline };
}

/** How far off a fraction may be by rounding. */
const ROUNDING = 1e-6;

/**
 * Progress as it is told: what is off by rounding is put right, and that of
 * nothing out of nothing is 0.
 *
 * @throws {RangeError} If it is not 0 to 1.
 */
export function checkFraction(fraction: number): number {
  if (Number.isNaN(fraction)) return 0;
  if (fraction >= -ROUNDING && fraction <= 1 + ROUNDING) {
    return Math.min(1, Math.max(0, fraction));
  }
  throw new RangeError(`Progress must be 0 to 1, is ${fraction}`);
}
