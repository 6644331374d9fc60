/**
 * Schemas as JSON Schema 2020-12, which is how callers learn of them.
 *
 * @module
 */

import { refuseNotJson } from "../json/not_json.ts";
import { isObject } from "../json/i_json.ts";
import type { Schema } from "./standard_schema.ts";

/** A JSON Schema that is no `true` or `false`. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Which side of a schema: what it takes, or what it lets through. */
export type Side = "input" | "output";

/** Schemas are settled: each is turned into JSON Schema once. */
const written: Record<Side, WeakMap<Schema, JsonSchema>> = {
  input: new WeakMap(),
  output: new WeakMap(),
};

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/**
 * Writes a schema as JSON Schema.
 *
 * What JSON Schema cannot say (a predicate, a morph) is left out there and
 * still checked here.
 *
 * @throws {TypeError} If the schema has none.
 */
export function jsonSchema(schema: Schema, side: Side = "input"): JsonSchema {
  const known = written[side].get(schema);
  if (known) return known;
  const made = write(schema, side);
  if (!isObject(made)) throw new TypeError("Its JSON Schema is no object");
  refuseNotJson(made, "Its JSON Schema");
  written[side].set(schema, made);
  return made;
}

/** What a schema takes, as JSON Schema; `{}` where only its other side has one. */
export function inputSchema(schema: Schema): JsonSchema {
  try {
    return jsonSchema(schema);
  } catch {
    // A result's schema need only say what comes out: see `tool_schemas.ts`.
    written.input.set(schema, ANYTHING);
    return ANYTHING;
  }
}

const ANYTHING: JsonSchema = {};

function write(schema: Schema, side: Side): unknown {
  if (isArkType(schema)) {
    return schema.toJsonSchema({
      dialect: DIALECT,
      fallback: (context) => context.base,
    });
  }
  const { jsonSchema, vendor } = schema["~standard"];
  if (jsonSchema) return jsonSchema[side]({ target: "draft-2020-12" });
  throw new TypeError(
    `A schema of ${vendor} has no ~standard.jsonSchema: wrap it in what ` +
      "gives it one, as toStandardJsonSchema of @valibot/to-json-schema does",
  );
}

/** The part of ArkType's types that writes; of every version alike. */
interface Writable {
  toJsonSchema(options: {
    dialect: string;
    fallback: (context: { base: object }) => object;
  }): unknown;
}

/** ArkType's converter of the standard has no fallback; its own method has. */
function isArkType(schema: Schema): schema is Schema & Writable {
  return schema["~standard"].vendor === "arktype" &&
    typeof (schema as Partial<Writable>).toJsonSchema === "function";
}

/** What a reference within a schema stands for. */
export function resolve(schema: unknown, root: JsonSchema): unknown {
  let found = schema;
  // As many hops as no schema needs: a circle of references stands for nothing.
  for (let hops = 0; hops < 16; hops++) {
    if (!isObject(found) || typeof found.$ref !== "string") return found;
    found = follow(found.$ref, root);
  }
  return undefined;
}

/** Follows a JSON pointer (RFC 6901) from the root. */
function follow(ref: string, root: JsonSchema): unknown {
  if (!ref.startsWith("#")) return undefined;
  let found: unknown = root;
  for (const step of ref.slice(1).split("/").slice(1)) {
    const name = decodeURIComponent(step).replace(/~1/g, "/")
      .replace(/~0/g, "~");
    const isThere = typeof found === "object" && found !== null &&
      Object.hasOwn(found, name);
    found = isThere ? (found as Record<string, unknown>)[name] : undefined;
  }
  return found;
}
