/**
 * The revisions that begin with `initialize`, served without sessions: tools
 * only. Delete this file, and its two uses in `endpoint.ts`, to be rid of them.
 *
 * @module
 */

import { isObject } from "../json/i_json.ts";
import type { Exchange } from "./exchange.ts";
import { CODE, invalidParams, RpcError, type RpcMessage } from "./json_rpc.ts";
import { type Meta, tokenOf } from "./meta.ts";
import { callTool } from "./methods/tools_call.ts";
import { listTools } from "./methods/tools_list.ts";
import { LEGACY } from "./revisions.ts";

/** What an `initialize` of an earlier revision would have said. */
export function legacyMeta({ params }: RpcMessage): Meta {
  const meta = isObject(params._meta) ? params._meta : {};
  return {
    protocolVersion: LEGACY[0],
    capabilities: {},
    progressToken: tokenOf(meta),
  };
}

/**
 * Answers a request.
 *
 * @throws {RpcError} What the client got wrong.
 */
export async function answerLegacy(exchange: Exchange): Promise<object> {
  const { message: { method, params }, server } = exchange;
  switch (method) {
    case "initialize": {
      const { protocolVersion: asked } = params;
      if (typeof asked !== "string") {
        throw invalidParams("protocolVersion must be a string");
      }
      return {
        protocolVersion: LEGACY.includes(asked) ? asked : LEGACY[0],
        capabilities: { tools: {} },
        serverInfo: server.info,
        ...server.instructions !== undefined &&
          { instructions: server.instructions },
      };
    }
    case "ping":
      return {};
    case "tools/list":
      return listTools(exchange);
    case "tools/call":
      return await callTool(exchange);
  }
  throw new RpcError(CODE.methodNotFound, `Method not found: ${method}`, {
    status: 200, // these revisions tell a missing method in the body alone
  });
}

/** Whether a body is a batch, which 2025-03-26 has and no other revision. */
export function isBatch(json: unknown, headers: Headers): json is unknown[] {
  if (!Array.isArray(json) || json.length === 0) return false;
  return (headers.get("mcp-protocol-version") ?? "2025-03-26") === "2025-03-26";
}

/** Most messages of a batch. */
const MOST_MESSAGES = 100;

/**
 * The answer to a batch: those of its requests, in their order.
 *
 * @throws {RpcError} If it is too long.
 */
export async function answerBatch(
  batch: readonly unknown[],
  answer: (message: unknown) => Promise<{ message: object } | undefined>,
): Promise<object[]> {
  if (batch.length > MOST_MESSAGES) {
    const message = `Send at most ${MOST_MESSAGES} messages in a batch`;
    throw new RpcError(CODE.invalidRequest, message);
  }
  const answers = await Promise.all(batch.map(answer));
  return answers.flatMap((one) => one ? [one.message] : []);
}
