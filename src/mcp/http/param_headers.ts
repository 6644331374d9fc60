/**
 * `x-mcp-header`: arguments that travel in a header as well, `Mcp-Param-*`
 * (server/tools, "x-mcp-header").
 *
 * Gateways route on them. Nothing here does: the body's value counts.
 *
 * @module
 */

import { isObject } from "../../json/i_json.ts";
import { withJsonSchema } from "../../tool/check.ts";
import { jsonSchema } from "../../tool/json_schema.ts";
import type { Schema } from "../../tool/standard_schema.ts";
import { decodeHeader, headerMismatch } from "./headers.ts";

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const TYPES: ReadonlySet<unknown> = new Set(["string", "integer", "boolean"]);

/** An argument that a header repeats. */
export interface ParamHeader {
  readonly name: string;
  /** Where it stands in the arguments. */
  readonly path: readonly string[];
}

/**
 * Says which arguments clients repeat in headers, for gateways to route on.
 * Name no argument that is secret or personal.
 *
 * @param headers Header names, without `Mcp-Param-`, by argument.
 * @throws {TypeError} If it names what no header can carry.
 *
 * @example A tool whose calls are routed by region
 * ```ts
 * import { defineTool, type, withParamHeaders } from "@countersign/mcp";
 *
 * const input = withParamHeaders(type({ region: "string" }), { region: "Region" });
 * const status = defineTool({
 *   description: "Tells how a region is",
 *   input,
 *   run: ({ region }) => ({ region, well: true }),
 * });
 * ```
 */
export function withParamHeaders<S extends Schema>(
  schema: S,
  headers: Readonly<Record<string, string>>,
): S {
  const listed = jsonSchema(schema);
  const properties = { ...listed.properties as Record<string, object> };
  for (const [name, header] of Object.entries(headers)) {
    properties[name] = { ...properties[name], "x-mcp-header": header };
  }
  const annotated = { ...listed, properties };
  paramHeaders(annotated);
  return withJsonSchema(schema, annotated);
}

/**
 * Finds the arguments that headers repeat.
 *
 * @throws {TypeError} If an annotation is one that clients would drop the tool for.
 */
export function paramHeaders(
  schema: Readonly<Record<string, unknown>>,
  path: readonly string[] = [],
  seen: Set<string> = new Set(),
): ParamHeader[] {
  if (!isObject(schema.properties)) return [];
  return Object.entries(schema.properties).flatMap(([key, property]) => {
    if (!isObject(property)) return [];
    const at = [...path, key];
    const name = property["x-mcp-header"];
    if (name === undefined) return paramHeaders(property, at, seen);
    const where = `x-mcp-header of "${at.join(".")}"`;
    if (typeof name !== "string" || !TOKEN.test(name)) {
      throw new TypeError(`${where} must be a token of RFC 9110`);
    }
    if (!TYPES.has(property.type)) {
      throw new TypeError(`${where} needs a string, an integer or a boolean`);
    }
    if (seen.has(name.toLowerCase())) {
      throw new TypeError(`${where} repeats the name "${name}"`);
    }
    seen.add(name.toLowerCase());
    return [{ name, path: at }];
  });
}

/**
 * Checks the headers of a call against its arguments.
 *
 * @param areNeeded Whether a header must be there for each argument that is.
 * @throws {RpcError} `headerMismatch`
 */
export function checkParams(
  headers: Headers,
  declared: readonly ParamHeader[],
  args: unknown,
  areNeeded: boolean,
): void {
  for (const { name, path } of declared) {
    const value = path.reduce<unknown>(
      (at, key) => isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined,
      args,
    );
    // What a header cannot carry is the schema's to refuse, if it should be.
    const isScalar = ["string", "number", "boolean"].includes(typeof value);
    const field = `Mcp-Param-${name}`;
    const sent = decodeHeader(headers, field);
    if (sent === undefined ? !(isScalar && areNeeded) : saysSame(sent, value)) {
      continue;
    }
    throw headerMismatch(field, sent, isScalar ? String(value) : undefined);
  }
}

function saysSame(sent: string, value: unknown): boolean {
  if (typeof value === "boolean") return sent === String(value);
  if (typeof value !== "number") return sent === value;
  return /^-?\d+(\.\d+)?$/.test(sent) && Number(sent) === value;
}
