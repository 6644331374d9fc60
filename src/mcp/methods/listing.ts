/**
 * A tool as clients see it, written once for each.
 *
 * @module
 */

import { BUILTINS } from "../../call/builtin.ts";
import { content } from "../../tool/content.ts";
import { jsonSchema } from "../../tool/json_schema.ts";
import type { Schema } from "../../tool/standard_schema.ts";
import type { Tool, Tools } from "../../tool/tool.ts";
import { type ParamHeader, paramHeaders } from "../http/param_headers.ts";

/** A tool's entry in the list. */
export interface ToolListing {
  readonly tool: Readonly<Record<string, unknown>>;
  /** The arguments that headers repeat. */
  readonly params: readonly ParamHeader[];
}

type Describable =
  & Pick<Tool, "description" | "input" | "output">
  & Partial<Tool>;

/** The built-in tools that callers need who cannot follow tasks. */
const FOLLOW_UPS = ["poll_job", "answer_job", "cancel_job"];

const listings = new WeakMap<object, ToolListing>();

/**
 * Lists a tool.
 *
 * @throws {TypeError} If its schema has annotations that clients refuse.
 */
export function listTool(
  name: string,
  tool: Describable,
): ToolListing {
  const known = listings.get(tool) ?? describe(tool);
  listings.set(tool, known);
  return { ...known, tool: { name, ...known.tool } };
}

function describe(tool: Describable): ToolListing {
  const { title, description, annotations, input, output } = tool;
  // The root must say that it is an object, even where it is a choice of them.
  const inputSchema = { type: "object", ...jsonSchema(input) };
  return {
    tool: {
      title,
      description,
      inputSchema,
      outputSchema: output && output !== content
        ? jsonSchema(output, "output")
        : undefined,
      annotations,
    },
    params: paramHeaders(inputSchema),
  };
}

/** The built-in tool of a name, where a caller has jobs to follow with it. */
export function followUp(
  name: string,
  tools: Tools,
  may: (name: string) => boolean,
): { description: string; input: Schema; output: undefined } | undefined {
  if (!FOLLOW_UPS.includes(name)) return undefined;
  const hasJobs = Object.entries(tools)
    .some(([name, { job }]) => job?.inline && may(name));
  if (!hasJobs) return undefined;
  return FOLLOW_UP_TOOLS[name];
}

/** Everything that a caller may be shown, in the order it was defined. */
export function listingsFor(
  tools: Tools,
  may: (name: string) => boolean,
): [name: string, listing: ToolListing][] {
  const own = Object.entries(tools).filter(([name]) => may(name));
  const following = FOLLOW_UPS.flatMap((name) => {
    const tool = followUp(name, tools, may);
    return tool ? [[name, tool] as const] : [];
  });
  return [...own, ...following]
    .map(([name, tool]) => [name, listTool(name, tool)]);
}

/** Without output schemas: how a job stands is told in several ways. */
const FOLLOW_UP_TOOLS = Object.fromEntries(
  FOLLOW_UPS.map((name) => {
    const { description, input } = BUILTINS[name];
    return [name, { description, input, output: undefined }];
  }),
);
