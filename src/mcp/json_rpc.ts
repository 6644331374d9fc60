/**
 * {@link https://www.jsonrpc.org/specification | JSON-RPC 2.0}, as far as the
 * Model Context Protocol uses it: one message a body, integer or text ids.
 *
 * @module
 */

import {
  decodeUtf8,
  isObject,
  parseAnyway,
  parseIJson,
} from "../json/i_json.ts";
import { cut } from "../text.ts";

/** A request's id; MCP does not let it be null. */
export type Id = string | number;

/** A request, or a notification where `id` is missing. */
export interface RpcMessage {
  readonly id?: Id;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Codes of JSON-RPC's own and of MCP 2026-07-28. */
export const CODE = {
  parseBody: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
} as const;

/** HTTP statuses that the specification sets; the rest are answered with 200. */
const STATUS: Readonly<Record<number, number>> = {
  [CODE.parseBody]: 400,
  [CODE.invalidRequest]: 400,
  [CODE.methodNotFound]: 404,
  [CODE.headerMismatch]: 400,
  [CODE.missingCapability]: 400,
  [CODE.unsupportedVersion]: 400,
};

/** What else an {@linkcode RpcError} may carry. */
export interface RpcErrorOptions extends ErrorOptions {
  /** Machine-readable detail. */
  data?: unknown;
  /** HTTP status, where it is not the code's own. */
  status?: number;
  /** HTTP headers. */
  headers?: Readonly<Record<string, string>>;
}

/** Longer ones quote what a client sent. */
const LONGEST_MESSAGE = 1000;

/** An error of the protocol; a tool's failure is a result. */
export class RpcError extends Error {
  /** The class's name, for logs. */
  override readonly name: string = "RpcError";
  /** JSON-RPC code. */
  readonly code: number;
  /** Machine-readable detail. */
  readonly data: unknown;
  /** HTTP status. */
  readonly status: number;
  /** HTTP headers. */
  readonly headers: Readonly<Record<string, string>>;

  /** Constructs an error from its code and a sentence. */
  constructor(code: number, message: string, options: RpcErrorOptions = {}) {
    super(cut(message, LONGEST_MESSAGE), options);
    this.code = code;
    this.data = options.data;
    this.status = options.status ?? STATUS[code] ?? 200;
    this.headers = options.headers ?? {};
  }
}

/** A body as it was parsed. */
export interface RpcBody {
  readonly json: unknown;
  /** Why it is refused, where it is: then `json` is good for its id only. */
  readonly refusal?: RpcError;
}

/** Parses a body as I-JSON. */
export function parseBody(body: Uint8Array): RpcBody {
  let text: string;
  try {
    text = decodeUtf8(body);
  } catch (cause) {
    return { json: undefined, refusal: notJson(cause) };
  }
  const parsed = parseIJson(text);
  switch (parsed.kind) {
    case "value":
      return { json: parsed.value };
    case "flawed": {
      const { kind, sentence } = parsed.flaw;
      // A number is for whoever wrote the arguments to mend, the model often.
      const code = kind === "number" ? CODE.invalidParams : CODE.invalidRequest;
      return {
        json: parseAnyway(text, parsed.flaw),
        refusal: new RpcError(code, sentence),
      };
    }
    case "not JSON":
      return { json: undefined, refusal: notJson(parsed.cause) };
  }
}

function notJson(cause: unknown): RpcError {
  const message = "The body is not JSON in UTF-8";
  return new RpcError(CODE.parseBody, message, { cause });
}

/**
 * Checks that a value is one message.
 *
 * @throws {RpcError} `invalidRequest`
 */
export function messageOf(json: unknown): RpcMessage {
  if (!isObject(json)) {
    throw invalidRequest("Send one JSON-RPC object, no batch");
  }
  const { jsonrpc, id, method, params = {} } = json;
  if (jsonrpc !== "2.0") throw invalidRequest('Set jsonrpc to "2.0"');
  if (typeof method !== "string") {
    throw invalidRequest("Set method to a string");
  }
  if (id !== undefined && !isId(id)) {
    throw invalidRequest(
      `Set id to a string of at most ${LONGEST_ID} characters or an integer`,
    );
  }
  if (!isObject(params)) throw invalidRequest("Set params to an object");
  return { id, method, params };
}

/** Longest id, in characters. */
const LONGEST_ID = 1024;

/** The id that an answer may repeat. */
export function idOf(json: unknown): Id | undefined {
  return isObject(json) && isId(json.id) ? json.id : undefined;
}

/** A response that carries a result. */
export function resultResponse(id: Id, result: object): object {
  return { jsonrpc: "2.0", id, result };
}

/** A response that carries an error; without an id where none could be read. */
export function errorResponse(
  id: Id | undefined,
  { code, message, data }: RpcError,
): object {
  return {
    jsonrpc: "2.0",
    id,
    error: { code, message, data },
  };
}

/** A notification. */
export function notification(method: string, params: object): object {
  return { jsonrpc: "2.0", method, params };
}

/** An error about parameters. */
export function invalidParams(
  message: string,
  options?: RpcErrorOptions,
): RpcError {
  return new RpcError(CODE.invalidParams, message, options);
}

/** An answer repeats it: what is long, or no whole text, is none. */
function isId(value: unknown): value is Id {
  return typeof value === "string"
    ? value.length <= LONGEST_ID && value.isWellFormed()
    : Number.isSafeInteger(value);
}

function invalidRequest(message: string): RpcError {
  return new RpcError(CODE.invalidRequest, message);
}
