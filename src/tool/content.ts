/**
 * Content blocks: what a tool returns whose result is not data but something to
 * read, see or hear.
 *
 * The blocks are those of the Model Context Protocol, which hands them to the
 * model as they are. To other protocols they are a JSON array like any other.
 *
 * @module
 */

import { jsonSchema } from "./json_schema.ts";
import { jsonObject, type } from "./schema.ts";
import type { Schema, StandardResult } from "./standard_schema.ts";

/** What a resource is made of: text, or bytes in base64. */
export type ResourceContents =
  & {
    readonly uri: string;
    readonly mimeType?: string;
    readonly _meta?: object;
  }
  & ({ readonly text: string } | { readonly blob: string });

/** A block; `data` is base64. */
export type ContentBlock =
  & {
    /** For whom the block is, and how important. */
    readonly annotations?: object;
    /** Whatever else. */
    readonly _meta?: object;
  }
  & (
    | { readonly type: "text"; readonly text: string }
    | {
      readonly type: "image" | "audio";
      readonly data: string;
      readonly mimeType: string;
    }
    | { readonly type: "resource"; readonly resource: ResourceContents }
    | {
      readonly type: "resource_link";
      readonly uri: string;
      readonly name: string;
      readonly title?: string;
      readonly description?: string;
      readonly mimeType?: string;
      readonly size?: number;
    }
  );

/** The schema of content blocks. */
export interface ContentSchema extends Schema<ContentBlock[]> {
  /** Takes blocks, and so tells the compiler that they are some. */
  (blocks: readonly ContentBlock[]): ContentBlock[];
}

const extras = { "annotations?": jsonObject, "_meta?": jsonObject } as const;
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;
const resource = {
  uri: "string",
  "mimeType?": "string",
  "_meta?": jsonObject,
} as const;

const blocks = type({ type: "'text'", text: "string", ...extras })
  .or({
    type: "'image' | 'audio'",
    data: base64,
    mimeType: "string",
    ...extras,
  })
  .or({
    type: "'resource'",
    resource: type({ ...resource, text: "string" })
      .or({ ...resource, blob: base64 }),
    ...extras,
  })
  .or({
    type: "'resource_link'",
    uri: "string",
    name: "string",
    "title?": "string",
    "description?": "string",
    "mimeType?": "string",
    "size?": "number.integer",
    ...extras,
  }).array();

/**
 * The `output` of a tool that returns content blocks, and what makes them.
 *
 * @example A tool that draws
 * ```ts
 * import { content, defineTool, type } from "@countersign/mcp";
 *
 * const dot = defineTool({
 *   description: "Draws a dot",
 *   input: type({}),
 *   output: content,
 *   run: () =>
 *     content([
 *       { type: "text", text: "A dot:" },
 *       { type: "image", mimeType: "image/png", data: "iVBORw0KGgo=" },
 *     ]),
 * });
 * ```
 */
export const content: ContentSchema = Object.assign(
  (given: readonly ContentBlock[]): ContentBlock[] => [...given],
  standardOf(blocks),
);

/** The blocks' schema, by its interface alone. */
function standardOf(schema: typeof blocks): Schema<ContentBlock[]> {
  const { version, vendor, validate } = schema["~standard"];
  const write = () => ({ ...jsonSchema(schema) });
  return {
    "~standard": {
      version,
      vendor,
      validate: (value) => validate(value) as StandardResult<ContentBlock[]>,
      jsonSchema: { input: write, output: write },
    },
  };
}
