/**
 * MCP 2026-07-28: every request stands alone.
 *
 * @module
 */

import type { Exchange } from "./exchange.ts";
import { checkNames, checkVersion } from "./http/headers.ts";
import type { RpcMessage } from "./json_rpc.ts";
import { KEY, type Meta, metaOf } from "./meta.ts";
import { discover } from "./methods/discover.ts";
import { listen } from "./methods/listen.ts";
import { answerMethod, type Method } from "./methods/method.ts";
import { cancelTask, getTask, updateTask } from "./methods/tasks.ts";
import { callTool } from "./methods/tools_call.ts";
import { listTools } from "./methods/tools_list.ts";
import { findRevision, MODERN, unsupportedVersion } from "./revisions.ts";

/** The methods, by name. */
export const METHODS: Readonly<Record<string, Method>> = {
  "server/discover": { answer: discover, replayable: true },
  "tools/list": { answer: listTools, replayable: true },
  "tools/call": { answer: callTool },
  "subscriptions/listen": {
    answer: listen,
    replayable: true,
    isLimited: true,
  },
  "tasks/get": {
    answer: getTask,
    replayable: true,
    isOfTasks: true,
    isLimited: true,
  },
  "tasks/update": { answer: updateTask, isOfTasks: true, isLimited: true },
  "tasks/cancel": { answer: cancelTask, isOfTasks: true, isLimited: true },
};

/**
 * Checks what a request says of itself against its headers.
 *
 * @throws {RpcError} With a code and status for each rule.
 */
export function checkModern(message: RpcMessage, headers: Headers): Meta {
  const meta = metaOf(message);
  checkVersion(headers, meta);
  if (!findRevision(MODERN, meta.protocolVersion)) {
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
  const result: { _meta?: object } = await answerMethod(METHODS, exchange);
  return {
    resultType: "complete",
    ...result,
    _meta: { [KEY.serverInfo]: exchange.server.info, ...result._meta },
  };
}
