/**
 * MCP 2026-07-28: every request stands alone.
 *
 * @module
 */

import { checkRateLimit } from "../call/dispatch.ts";
import { discover } from "./methods/discover.ts";
import type { Exchange } from "./exchange.ts";
import { checkNames, checkVersion } from "./http/headers.ts";
import { CODE, RpcError, type RpcMessage } from "./json_rpc.ts";
import { listen } from "./methods/listen.ts";
import { KEY, type Meta, metaOf } from "./meta.ts";
import { cancelTask, getTask, needTasks, updateTask } from "./methods/tasks.ts";
import { callTool } from "./methods/tools_call.ts";
import { listTools } from "./methods/tools_list.ts";
import { MODERN, unsupportedVersion } from "./revisions.ts";

type Method = (exchange: Exchange) => object | Promise<object>;

const METHODS: Readonly<Record<string, Method>> = {
  "server/discover": discover,
  "tools/list": listTools,
  "tools/call": callTool,
  "subscriptions/listen": listen,
  "tasks/get": getTask,
  "tasks/update": updateTask,
  "tasks/cancel": cancelTask,
};

/**
 * Checks what a request says of itself against its headers.
 *
 * @throws {RpcError} With a code and status for each rule.
 */
export function checkRequest(message: RpcMessage, headers: Headers): Meta {
  const meta = metaOf(message);
  checkVersion(headers, meta);
  if (!MODERN.includes(meta.protocolVersion)) {
    throw unsupportedVersion(meta.protocolVersion);
  }
  checkNames(headers, message);
  return meta;
}

/**
 * Answers a request.
 *
 * @throws {RpcError} What the client got wrong.
 */
export async function answerModern(exchange: Exchange): Promise<object> {
  const { message: { method }, house, server } = exchange;
  const isTasks = method.startsWith("tasks/");
  if (!Object.hasOwn(METHODS, method) || (isTasks && !house.jobs)) {
    throw new RpcError(CODE.methodNotFound, `Method not found: ${method}`);
  }
  if (isTasks) needTasks(exchange); // before the look-up
  // `tools/call` asks the limit itself, as envelopes do.
  if (isTasks || method === "subscriptions/listen") {
    const { principal: caller, background } = exchange;
    await checkRateLimit({ caller, name: method, background }, house);
  }
  const result = await METHODS[method](exchange) as { _meta?: object };
  return {
    resultType: "complete",
    ...result,
    _meta: { [KEY.serverInfo]: server.info, ...result._meta },
  };
}
