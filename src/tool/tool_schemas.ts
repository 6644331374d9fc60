/**
 * The schemas of a tool, checked when it is defined.
 *
 * @module
 */

import { skipArrayKeyChecks } from "./check.ts";
import { findOpen, takesOnlyObjects } from "./closed.ts";
import { type JsonSchema, jsonSchema, type Side } from "./json_schema.ts";
import { isSchema, type Schema } from "./standard_schema.ts";

/** What a tool's arguments and result are checked by. */
export interface ToolSchemas {
  readonly input: Schema;
  readonly output?: Schema | undefined;
}

/**
 * Checks a tool's schemas.
 *
 * @param open Whether arguments that `input` does not name are let through.
 * @throws {TypeError} If one is no schema, or lets through what it does not name.
 */
export function checkSchemas(
  { input, output }: ToolSchemas,
  open: boolean,
): { input: Schema; output: Schema | undefined } {
  const written = write(input, "input");
  if (!takesOnlyObjects(written, written)) {
    throw new TypeError("Cannot define a tool whose input is not an object");
  }
  const place = open ? undefined : findOpen(written);
  if (place !== undefined) {
    throw new TypeError(
      `Cannot define a tool whose input lets through what it does not name, ` +
        `at ${place}: close it with this package's \`type\`, ` +
        "`z.strictObject` or `v.strictObject`, or write `open: true`",
    );
  }
  if (output !== undefined) write(output, "output");
  return {
    input: skipArrayKeyChecks(input),
    output: output && skipArrayKeyChecks(output),
  };
}

function write(schema: unknown, side: Side): JsonSchema {
  if (!isSchema(schema)) {
    throw new TypeError(
      `Cannot define a tool whose ${side} is no Standard Schema`,
    );
  }
  try {
    return jsonSchema(schema, side);
  } catch (cause) {
    throw new TypeError(
      `Cannot define a tool whose ${side} has no JSON Schema: ` +
        (cause as Error).message,
      { cause },
    );
  }
}
