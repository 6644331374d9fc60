/**
 * From a caller's call to its outcome, whichever protocol the call came in.
 *
 * @module
 */

import { ToolError } from "../errors.ts";
import { cut } from "../text.ts";
import type { Ask, Question } from "../tool/question.ts";
import { prepare, runTool } from "../tool/run.ts";
import type { ToolContext } from "../tool/context.ts";
import { checkFraction, type Tool } from "../tool/tool.ts";
import { admit, spendNonce } from "./admit.ts";
import type { Call, Outcome } from "./call.ts";
import type { Services } from "./services.ts";

/**
 * Does what a call asks for.
 *
 * @throws {CountersignError} Every refusal, and a tool's failure.
 */
export async function dispatch(
  call: Call,
  services: Services,
): Promise<Outcome> {
  const admitted = await admit(call, services);
  const { builtin, args } = admitted;
  if (builtin) {
    await builtin.check?.(args, call, services);
    if (mustSpend(builtin, services)) await spendNonce(call.nonce, services);
    return await builtin.answer(args, call, services);
  }
  const { tool } = admitted;
  if (tool.job) return await startJob(tool, args, call, services);
  if (mustSpend(tool, services)) await spendNonce(call.nonce, services);
  const result = await runTool(
    tool,
    args,
    call.signal,
    (signal) => contextOf(call, services, signal),
  );
  return { kind: "ok", result };
}

async function startJob(
  tool: Tool,
  args: unknown,
  call: Call,
  services: Services,
): Promise<Outcome> {
  const { jobs, jobsSpend } = services;
  if (!jobs) throw new Error("createServer lets no job in without KV");
  const { caller, requestId, name, signal, background } = call;
  if (!jobsSpend) await spendNonce(call.nonce, services);
  const start = { clientId: caller.id, requestId, name, tool, signal };
  const nonce = jobsSpend ? call.nonce : undefined;
  const prepareArgs = tool.prepare && (() =>
    prepare(
      tool,
      args,
      signal,
      (signal) => contextOf(call, services, signal),
    ));
  const given = { args: call.args, prepare: prepareArgs };
  return await jobs.start({ ...start, ...given, nonce }, background);
}

function mustSpend(
  { replayable }: { readonly replayable: boolean },
  { spendsAlways }: Services,
): boolean {
  return spendsAlways || !replayable;
}

/** Longest words of progress, in characters. */
const LONGEST_PROGRESS = 1000;

function contextOf(
  { caller: { id: clientId }, requestId, name, ...call }: Call,
  services: Services,
  signal: AbortSignal,
): ToolContext {
  return {
    clientId,
    requestId,
    signal,
    env: call.background.env,
    kv: services.kv,
    ask: call.dialogue?.ask ?? cannotAsk,
    canAsk: (kind) => call.dialogue?.takes(kind) ?? false,
    progress(fraction, message) {
      checkFraction(fraction);
      call.report?.({
        fraction,
        ...message && { message: cut(message, LONGEST_PROGRESS) },
      });
    },
    log: (message, fields) =>
      services.log("info", message, {
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
