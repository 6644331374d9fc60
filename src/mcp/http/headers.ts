/**
 * The headers that repeat a body, so that gateways need not read it
 * (basic/transports, "Standard request headers").
 *
 * They are never acted on: they must equal the body, or the request is refused.
 *
 * @module
 */

import { fromBase64 } from "../../base64.ts";
import { decodeUtf8 } from "../../json/i_json.ts";
import { CODE, RpcError, type RpcMessage } from "../json_rpc.ts";
import type { Meta } from "../meta.ts";
import { VERSION_HEADER } from "../revisions.ts";

/** Where the name is that `Mcp-Name` repeats. */
const NAMED: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
  "tasks/get": "taskId",
  "tasks/update": "taskId",
  "tasks/cancel": "taskId",
};

/**
 * Checks the version and method headers that are there against the body.
 *
 * @throws {RpcError} `headerMismatch`
 */
export function checkVersion(headers: Headers, meta: Meta): void {
  const version = readHeader(headers, VERSION_HEADER);
  if (version === undefined) throw missingHeader("MCP-Protocol-Version");
  if (version !== meta.protocolVersion) {
    throw headerMismatch("MCP-Protocol-Version", version, meta.protocolVersion);
  }
}

/**
 * Checks that `Mcp-Method` and `Mcp-Name` are there, and true.
 *
 * @throws {RpcError} `headerMismatch`
 */
export function checkNames(headers: Headers, message: RpcMessage): void {
  const sent = readHeader(headers, "mcp-method");
  if (sent === undefined) throw missingHeader("Mcp-Method");
  const named = nameIn(message);
  if (named === undefined) return checkMethod(sent, message);
  if (decodeHeader(headers, "Mcp-Name") === undefined) {
    throw missingHeader("Mcp-Name");
  }
  checkSentNames(headers, message);
}

/**
 * Checks `Mcp-Method` and `Mcp-Name` where they are there: earlier revisions do
 * not know them, but a gateway may route by them.
 *
 * @throws {RpcError} `headerMismatch`
 */
export function checkSentNames(headers: Headers, message: RpcMessage): void {
  checkMethod(readHeader(headers, "mcp-method"), message);
  const name = decodeHeader(headers, "Mcp-Name");
  const named = nameIn(message);
  if (name !== undefined && name !== named) {
    throw headerMismatch("Mcp-Name", name, named);
  }
}

function checkMethod(sent: string | undefined, { method }: RpcMessage): void {
  if (sent === undefined || sent === method) return;
  throw headerMismatch("Mcp-Method", sent, method);
}

/** What `Mcp-Name` repeats, where the body has it. */
function nameIn({ method, params }: RpcMessage): string | undefined {
  const member = Object.hasOwn(NAMED, method) ? NAMED[method] : undefined;
  const name = member === undefined ? undefined : params[member];
  return typeof name === "string" ? name : undefined;
}

/**
 * Reads a header whose value may stand in the base64 sentinel.
 *
 * @throws {RpcError} `headerMismatch`
 */
export function decodeHeader(
  headers: Headers,
  name: string,
): string | undefined {
  const value = readHeader(headers, name);
  const encoded = /^=\?base64\?(.*)\?=$/s.exec(value ?? "")?.[1];
  if (encoded === undefined) return value;
  try {
    return decodeUtf8(fromBase64(checkBase64(encoded)));
  } catch (cause) {
    const message = `Header mismatch: ${name} is not base64 of UTF-8`;
    throw new RpcError(CODE.headerMismatch, message, { cause });
  }
}

/** `atob` forgives missing padding and white space. */
function checkBase64(text: string): string {
  if (text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) return text;
  throw new TypeError(`Cannot decode base64 "${text.slice(0, 32)}"`);
}

function readHeader(headers: Headers, name: string): string | undefined {
  const value = headers.get(name)?.replace(/^[ \t]+|[ \t]+$/g, "");
  if (value === undefined || /^[\x20-\x7e\t]*$/.test(value)) return value;
  throw new RpcError(
    CODE.headerMismatch,
    `Header mismatch: ${name} has characters outside ASCII; send them as ` +
      "=?base64?...?=",
  );
}

function missingHeader(name: string): RpcError {
  return new RpcError(
    CODE.headerMismatch,
    `Header mismatch: ${name} is missing`,
  );
}

/** The refusal of a header that does not repeat the body. */
export function headerMismatch(
  name: string,
  sent: string | undefined,
  actual: string | undefined,
): RpcError {
  const is = sent === undefined ? "missing" : `"${sent}"`;
  const has = actual === undefined ? "none" : `"${actual}"`;
  return new RpcError(
    CODE.headerMismatch,
    `Header mismatch: ${name} is ${is}, the body has ${has}`,
  );
}
