/**
 * `tools/call`: a tool's result, its questions, or a task (server/tools).
 *
 * @module
 */

import { isObject } from "../../json/i_json.ts";
import type { Call, Outcome } from "../../call/call.ts";
import { dispatch } from "../../call/dispatch.ts";
import type { Tool } from "../../tool/tool.ts";
import type { Exchange } from "../exchange.ts";
import { waitInline } from "./inline_job.ts";
import { invalidParams } from "../json_rpc.ts";
import { followUp, listTool } from "./listing.ts";
import { takesTasks } from "../meta.ts";
import { inputRequests, openRound } from "./mrtr.ts";
import { checkParams } from "../http/param_headers.ts";
import { createReporter } from "./progress.ts";
import { type Answers, readState, writeState } from "./request_state.ts";
import { failure, failureOf, resultOf } from "../results.ts";
import { createdTask, needTasks } from "./tasks.ts";

/** What a call carries, once its shape is known to be right. */
interface Params {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly tool: Tool | undefined;
}

/**
 * Calls a tool.
 *
 * @throws {RpcError} What no model can mend.
 */
export async function callTool(exchange: Exchange): Promise<object> {
  const params = paramsOf(exchange);
  // Callers that follow tasks are the only ones who may get one.
  if (params.tool?.job?.inline === false) needTasks(exchange);
  if (!exchange.revision.asks) return await dispatchCall(exchange, params, {});
  const answers = await answersOf(exchange, params);
  const round = openRound(exchange.meta, answers);
  const over = new AbortController();
  const signal = AbortSignal.any([exchange.signal, over.signal]);
  const ended = dispatchCall({ ...exchange, signal }, params, {
    dialogue: round.dialogue,
  });
  const questions = await Promise.race([
    ended.then(() => undefined),
    round.unanswered,
  ]).catch((error) => {
    over.abort(error); // and whatever the tool makes of that is for nobody
    ended.catch(() => {});
    throw error;
  });
  if (questions === undefined) return await ended;
  over.abort(new Error("The tool has asked its caller something"));
  ended.catch(() => {});
  return {
    resultType: "input_required",
    inputRequests: inputRequests(questions),
    requestState: await writeState(round.taken, bindingOf(exchange, params)),
  };
}

/** Dispatches a call to its end; what a model can mend is part of the result. */
async function dispatchCall(
  exchange: Exchange,
  params: Params,
  extras: Pick<Call, "dialogue">,
): Promise<object> {
  const { services, caller, nonce, signal, background } = exchange;
  const report = createReporter(exchange);
  try {
    const outcome = await dispatch({
      caller,
      requestId: crypto.randomUUID(), // JSON-RPC ids repeat, even at one time
      name: params.name,
      args: params.args,
      nonce,
      signal,
      background,
      ...extras,
      report,
    }, services);
    return await writeOutcome(outcome, exchange, params, report);
  } catch (error) {
    return failureOf(error);
  }
}

async function writeOutcome(
  outcome: Outcome,
  exchange: Exchange,
  { tool }: Params,
  report: ReturnType<typeof createReporter>,
): Promise<object> {
  const { revision, maxResult, services } = exchange;
  switch (outcome.kind) {
    case "accepted":
      return takesTasks(exchange.meta)
        ? createdTask(outcome, exchange)
        : await waitInline(outcome, tool, exchange, report);
    case "running": {
      const { progress, questions } = outcome.job;
      const value = { status: "running", ...progress, questions };
      return resultOf(undefined, value, revision);
    }
    case "done": // of this tool, or of the one that `poll_job` asked about
      return resultOf(
        services.tools[outcome.job.tool],
        outcome.result,
        revision,
      );
    case "ok":
      return resultOf(tool, outcome.result, revision, maxResult);
    case "ended":
      // That a job went wrong is what `poll_job` was asked for.
      return tool ? failureOf(outcome.error) : failure(outcome.error.message);
  }
}

function paramsOf(exchange: Exchange): Params {
  const { services: { tools }, headers, message: { params }, revision } =
    exchange;
  const { may } = exchange.caller;
  const { name, arguments: args = {} } = params;
  if (typeof name !== "string") throw invalidParams("name must be a string");
  if (!isObject(args)) throw invalidParams("arguments must be an object");
  // What the caller may not call reads like what is not there.
  const tool = Object.hasOwn(tools, name) && may(name)
    ? tools[name]
    : undefined;
  const listed = tool ?? followUp(name, tools, may);
  if (listed === undefined) throw invalidParams(`Unknown tool: ${name}`);
  const { params: repeated } = listTool(name, listed);
  checkParams(headers, repeated, args, revision.repeatsInHeaders);
  return { name, args, tool };
}

/** What the caller was asked in earlier rounds, and now. */
async function answersOf(
  exchange: Exchange,
  params: Params,
): Promise<Answers> {
  const { inputResponses = {}, requestState } = exchange.message.params;
  if (!isObject(inputResponses)) {
    throw invalidParams("inputResponses must be an object");
  }
  const earlier = requestState === undefined
    ? {}
    : await readState(requestState, bindingOf(exchange, params));
  return { ...inputResponses, ...earlier };
}

function bindingOf(exchange: Exchange, { name, args }: Params) {
  const { services: { stateKey: key }, caller, now } = exchange;
  return { key, clientId: caller.id, name, args, now: now() };
}
