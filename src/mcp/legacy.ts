/**
 * The revisions that begin with `initialize`, served without sessions: tools
 * only.
 *
 * @module
 */

import { isObject } from "../json/i_json.ts";
import type { Exchange } from "./exchange.ts";
import { CODE, invalidParams, RpcError, type RpcMessage } from "./json_rpc.ts";
import { type Meta, tokenOf } from "./meta.ts";
import { answerMethod, type Method } from "./methods/method.ts";
import { callTool } from "./methods/tools_call.ts";
import { listTools } from "./methods/tools_list.ts";
import { findRevision, LEGACY, legacyRevisionOf } from "./revisions.ts";

const METHODS: Readonly<Record<string, Method>> = {
  "initialize": { answer: initialize },
  "ping": { answer: () => ({}) },
  "tools/list": { answer: listTools, replayable: true },
  "tools/call": { answer: callTool },
};

/** What an `initialize` of an earlier revision would have said. */
export function readLegacyMeta({ params }: RpcMessage): Meta {
  const meta = isObject(params._meta) ? params._meta : {};
  return {
    protocolVersion: LEGACY[0].name,
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
  // These revisions tell a missing method in the body alone.
  return await answerMethod(METHODS, exchange, { status: 200 });
}

function initialize({ message: { params }, server }: Exchange): object {
  const { protocolVersion: wanted } = params;
  if (typeof wanted !== "string") {
    throw invalidParams("protocolVersion must be a string");
  }
  const { name } = findRevision(LEGACY, wanted) ?? LEGACY[0];
  return {
    protocolVersion: name,
    capabilities: { tools: {} },
    serverInfo: server.info,
    instructions: server.instructions,
  };
}

/** Whether a body is a batch of a revision that has them. */
export function isBatch(json: unknown, headers: Headers): json is unknown[] {
  if (!Array.isArray(json) || json.length === 0) return false;
  return legacyRevisionOf(headers)?.batches ?? false;
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
