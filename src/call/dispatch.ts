/**
 * From a caller's call to its outcome, whichever protocol the call came in.
 *
 * @module
 */

import { BUILTINS } from "./builtin.ts";
import { CountersignError, ToolError } from "../errors.ts";
import type { Call, Services } from "./services.ts";
import { replayedError } from "../job/jobs.ts";
import type { Outcome } from "../job/outcome.ts";
import { prepare, runTool } from "../tool/run.ts";
import type { Ask, Question } from "../tool/question.ts";
import { check, type Schema, sentence } from "../tool/schema.ts";
import { checkFraction, type Tool, type ToolContext } from "../tool/tool.ts";

/**
 * Does what a call asks for.
 *
 * @throws {CountersignError} Every refusal, and a tool's failure.
 */
export async function dispatch(call: Call, house: Services): Promise<Outcome> {
  const { name, caller } = call;
  const builtin = Object.hasOwn(BUILTINS, name) ? BUILTINS[name] : undefined;
  const tool = Object.hasOwn(house.tools, name) ? house.tools[name] : undefined;
  if (builtin === undefined && tool === undefined) {
    throw new CountersignError(
      "unknown_tool",
      `No tool is named "${name}"; list_tools has them all`,
    );
  }
  if (builtin === undefined && !caller.may(name)) {
    throw new CountersignError(
      "forbidden",
      `Client "${caller.id}" may not call "${name}"`,
    );
  }
  await checkRateLimit(call, house);
  if (builtin) {
    const args = checkArgs(builtin.input, call.args);
    await spendNonce(call, house, builtin.replayable);
    return await builtin.answer(args, call, house);
  }
  return await runToolCall(tool as Tool, call, house);
}

async function runToolCall(
  tool: Tool,
  call: Call,
  house: Services,
): Promise<Outcome> {
  const args = checkArgs(tool.input, call.args);
  const { caller: { id: clientId }, requestId, name, signal, background } =
    call;
  const context = (signal: AbortSignal) => contextOf(call, house, signal);
  if (tool.job) {
    if (!house.jobs) throw new Error("createServer lets no job in without KV");
    const prepared = await prepare(tool, args, signal, context);
    if (!house.jobsSpend) await spendNonce(call, house, false);
    const nonce = house.jobsSpend ? call.nonce : undefined;
    return await house.jobs.start(
      { clientId, requestId, name, tool, args: prepared, nonce, signal },
      background,
    );
  }
  await spendNonce(call, house, tool.replayable);
  const result = await runTool(tool, args, signal, context);
  return { kind: "ok", result };
}

function contextOf(
  { caller: { id: clientId }, requestId, name, ...call }: Call,
  house: Services,
  signal: AbortSignal,
): ToolContext {
  return {
    clientId,
    requestId,
    signal,
    env: call.background.env,
    kv: house.kv,
    ask: call.dialogue?.ask ?? cannotAsk,
    canAsk: (kind) => call.dialogue?.takes(kind) ?? false,
    progress(fraction, message) {
      checkFraction(fraction);
      call.report?.({ fraction, ...message && { message } });
    },
    log: (message, fields) =>
      house.log("info", message, {
        ...fields,
        tool: name,
        client_id: clientId,
        request_id: requestId,
      }),
  };
}

const cannotAsk = ((_name: string, question: Question): Promise<never> => {
  const asked = "message" in question ? `ask "${question.message}"` : "ask you";
  return Promise.reject(
    new ToolError(`The tool must ${asked}, which this protocol cannot carry`),
  );
}) as Ask;

function checkArgs(schema: Schema, args: unknown): unknown {
  const checked = check(schema, args);
  if (checked.ok) return checked.value;
  const { issues } = checked;
  throw new CountersignError("invalid_args", sentence(issues), { issues });
}

/**
 * Asks the server's own limit whether a caller may go on.
 *
 * @throws {CountersignError} `rate_limited`
 */
export async function checkRateLimit(
  call: Pick<Call, "caller" | "name" | "background">,
  { rateLimit }: Pick<Services, "rateLimit">,
): Promise<void> {
  const retryAfterMs = await rateLimit?.({
    clientId: call.caller.id,
    tool: call.name,
    env: call.background.env,
  }) ?? 0;
  if (retryAfterMs <= 0) return;
  throw new CountersignError(
    "rate_limited",
    `Too many calls; wait ${retryAfterMs} ms`,
    { retryAfterMs },
  );
}

/** The last check: from here on the envelope is accepted, and never again. */
async function spendNonce(
  { nonce }: Call,
  { spend, spendsAlways }: Services,
  repeatable: boolean,
): Promise<void> {
  if (nonce === undefined || (repeatable && !spendsAlways)) return;
  if (!await spend(nonce)) throw replayedError();
}
