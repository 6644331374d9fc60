/**
 * Runs a tool's own code: under its timeout, its result checked.
 *
 * @module
 */

import { CountersignError, ToolError } from "../errors.ts";
import type { Timing } from "../timing.ts";
import { waitWithin, withLimits } from "../waiting.ts";
import { check, sentence } from "./check.ts";
import type { ToolContext } from "./context.ts";
import type { Tool } from "./tool.ts";

/**
 * Runs a tool once.
 *
 * @param contextOf Makes the tool's context around the signal that stops it.
 * @throws {ToolError} What the tool threw as one, or a time-out.
 * @throws {CountersignError} `tool_failed` for anything else; the cause is not
 * for the caller.
 */
export function runTool(
  tool: Tool,
  args: unknown,
  signal: AbortSignal,
  contextOf: (signal: AbortSignal) => ToolContext,
  timing?: Timing,
): Promise<unknown> {
  return runTimed(tool.timeoutMs, signal, async (signal) => {
    const context = contextOf(signal);
    const running = Promise.resolve().then(() => tool.run(args, context));
    return checkResult(tool, await waitWithin(running, signal));
  }, timing);
}

/**
 * Does what a job's tool wants done before it is accepted; the job's arguments.
 *
 * @throws {CountersignError} As {@linkcode runTool}.
 */
export async function prepare(
  tool: Tool,
  args: unknown,
  signal: AbortSignal,
  contextOf: (signal: AbortSignal) => ToolContext,
): Promise<unknown> {
  if (tool.prepare === undefined) return args;
  return await runTimed(tool.timeoutMs, signal, async (signal) => {
    const preparing = Promise.resolve(tool.prepare?.(args, contextOf(signal)));
    return await waitWithin(preparing, signal);
  });
}

async function runTimed(
  timeoutMs: number | undefined,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<unknown>,
  timing?: Timing,
): Promise<unknown> {
  const reason = (ms: number) =>
    new ToolError(`The tool took longer than ${ms} ms`);
  try {
    return await withLimits({ ms: timeoutMs, reason, signal, timing }, run);
  } catch (thrown) {
    const cause = toCause(thrown);
    if (cause instanceof ToolError) throw cause;
    throw new CountersignError("tool_failed", "The tool failed", { cause });
  }
}

/** Says that a tool returned what its output schema does not let through. */
export class ResultError extends TypeError {
  /** The class's name, for logs. */
  override readonly name = "ResultError";
}

/** What a tool threw: anything, a proxy that throws when it is looked at included. */
function toCause(thrown: unknown): unknown {
  try {
    void (thrown instanceof Error);
  } catch (cause) {
    return new Error("The tool threw what cannot be looked at", { cause });
  }
  return thrown ?? new Error(`The tool threw ${thrown}`);
}

/** The result as its schema leaves it; JSON has no `undefined`. */
function checkResult(tool: Tool, returned: unknown): unknown {
  if (tool.output === undefined) return returned ?? null;
  const output = check(tool.output, returned);
  if (output.ok) return output.value ?? null;
  throw new ResultError(
    `Result does not match the output schema: ${sentence(output.issues)}`,
  );
}
