/**
 * Schemas made for tools: {@link https://arktype.io | ArkType}, strict and
 * without generated code.
 *
 * @module
 */

import "./jitless.ts"; // first
import * as arktype from "arktype";

/**
 * ArkType's `type`, made for tools: unknown members are refused at every level,
 * and no code is generated, which Workers forbid within a request.
 *
 * @example A schema
 * ```ts
 * import { type } from "@countersign/mcp";
 *
 * const input = type({ numbers: "number[] >= 1", "label?": "string <= 64" });
 * ```
 */
export const type: (typeof arktype)["type"] = arktype.scope(
  {},
  // A scope obeys `onUndeclaredKey`, though its types name it only globally.
  { jitless: true, onUndeclaredKey: "reject" } as { jitless: true },
).type as unknown as (typeof arktype)["type"];

/** A JSON object: any members, but not an array. */
export const jsonObject: arktype.Type<object> = type("object").narrow(
  (
    value,
    context,
  ) => !Array.isArray(value) || context.mustBe("an object, not an array"),
);
