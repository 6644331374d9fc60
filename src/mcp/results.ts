/**
 * From outcomes and errors to what MCP calls a result or an error: the one
 * place that translates.
 *
 * What a model can mend is a result with `isError`; what only the client or the
 * server can mend is an error of the protocol.
 *
 * @module
 */

import { isObject } from "../json/i_json.ts";
import { canonicalJson } from "../json/canonical_json.ts";
import { sayNotJson } from "../json/not_json.ts";
import { content } from "../tool/content.ts";
import { CountersignError, ToolError } from "../errors.ts";
import { refusalHeaders } from "../http/refusal_headers.ts";
import type { Tool } from "../tool/tool.ts";
import { CODE, invalidParams, RpcError } from "./json_rpc.ts";
import type { Revision } from "./revisions.ts";

/** The result of a call, less what every result has. */
export interface CallResult {
  readonly content: readonly object[];
  readonly structuredContent?: unknown;
  readonly isError?: true;
}

/**
 * Writes what a tool returned.
 *
 * @param limit Most characters of JSON; a job's result was measured when it was kept.
 * @throws {CountersignError} `tool_failed` if it is not JSON, or `result_too_large`
 */
export function resultOf(
  tool: Tool | undefined,
  value: unknown,
  revision: Revision,
  limit = Infinity,
): CallResult {
  const json = jsonOf(value);
  if (json.length > limit) {
    throw new CountersignError(
      "result_too_large",
      `The result would have ${json.length} characters, more than ${limit}`,
    );
  }
  if (tool?.output === content) return { content: value as object[] };
  const text = typeof value === "string" ? value : json;
  const structured = isObject(value) ||
    (revision.takesAnyResult && tool?.output !== undefined);
  return {
    content: [{ type: "text", text }],
    structuredContent: structured ? value : undefined,
  };
}

function jsonOf(value: unknown): string {
  try {
    return canonicalJson(value);
  } catch (cause) {
    const message = sayNotJson(value, "The tool's result");
    throw new CountersignError("tool_failed", message, { cause });
  }
}

/** Writes a failure that a model can do something about. */
export function failure(message: string): CallResult {
  return { content: [{ type: "text", text: message }], isError: true };
}

/**
 * Writes what a call threw.
 *
 * @throws {RpcError} What no model can mend.
 */
export function failureOf(error: unknown): CallResult {
  if (error instanceof ToolError) return failure(error.message);
  if (!(error instanceof CountersignError)) throw error;
  switch (error.code) {
    case "invalid_args":
      return failure(`Invalid arguments: ${error.message}`);
    case "job_not_found":
    case "job_cancelled":
    case "too_many_jobs":
    case "idempotency_conflict":
    case "result_too_large":
      return failure(error.message);
    default:
      throw rpcErrorOf(error);
  }
}

/** Writes any error as one of the protocol. */
export function rpcErrorOf(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (!(error instanceof CountersignError)) {
    return new RpcError(CODE.internal, "The server failed; its log says why", {
      cause: error,
      status: 500,
    });
  }
  const { code, message, status, cause } = error;
  switch (code) {
    case "tool_failed":
      return new RpcError(CODE.internal, message, { cause });
    case "unknown_tool":
    case "job_not_found":
    case "invalid_args":
      return invalidParams(message);
    case "payload_too_large":
    case "unsupported_media_type":
    case "malformed":
      return new RpcError(CODE.invalidRequest, message, {
        status,
        headers: refusalHeaders(error),
      });
    default:
      // MCP leaves the codes outside -32768 to -32000 to us.
      return new RpcError(1000 + status, message, {
        status,
        cause,
        headers: refusalHeaders(error),
      });
  }
}
