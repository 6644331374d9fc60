/** The tools of a world's instances: each job of theirs follows its script. */
import { type } from "../../src/tool/schema.ts";
import type { JobContext } from "../../src/tool/context.ts";
import { defineTool, type Tool } from "../../src/tool/tool.ts";
import type { JobFacts } from "./job_facts.ts";
import { performAll } from "./perform.ts";
import type { Process } from "./process.ts";
import type { RunBook } from "./runs.ts";
import { BRITTLE_ATTEMPTS, type Script } from "./scripts.ts";

const input = type({ number: "number.integer", padding: "string" });
const marks = type(["string", "string"]).array();
const run = () => {
  throw new Error("A process has tools of its own");
};

const STEADY_ATTEMPTS = 50;

/** Defined once: what ArkType makes of a schema costs more than a seed. */
const TOOLS = {
  steady: defineTool({
    description: "Follows its script, however often it fails",
    input,
    job: { attempts: STEADY_ATTEMPTS, backoffMs: 20 },
    run,
  }),
  brittle: defineTool({
    description: "Follows its script, and soon gives up",
    input,
    job: { attempts: BRITTLE_ATTEMPTS, backoffMs: 20 },
    run,
  }),
  picky: defineTool({
    description: "Has a schema that a result may break",
    input,
    output: marks,
    job: { attempts: STEADY_ATTEMPTS, backoffMs: 20 },
    run,
  }),
  late: defineTool({
    description: "Comes with the next release",
    input,
    job: { attempts: STEADY_ATTEMPTS, backoffMs: 20 },
    run,
  }),
};

/** The name of a tool. */
export type ToolName = keyof typeof TOOLS;

/** The tool that a script is run by. */
export function toolOf({ kind, isNew }: Script): ToolName {
  if (isNew) return "late";
  if (kind === "poison" || kind === "gives up") return "brittle";
  return kind === "wrong result" ? "picky" : "steady";
}

/** What a process's tools are made of. */
export interface ToolsOptions {
  readonly book: RunBook;
  /** Release 2 has a tool that release 1 has not. */
  readonly release: 1 | 2;
  readonly waitMs: number;
  find(clientId: string, requestId: string): JobFacts | undefined;
}

/** Makes the tools of a process. */
export function createTools(
  process: Process,
  { book, release, waitMs, find }: ToolsOptions,
): Record<string, Tool> {
  async function runScript(_args: unknown, context: JobContext) {
    const { clientId, requestId, signal } = context;
    const facts = find(clientId, requestId);
    if (facts === undefined) throw new Error("A job ran that nobody accepted");
    const run = book.begin(process, facts, signal);
    try {
      const { actions } = facts.script;
      const marks = await performAll(actions, { run, book, context });
      return actions.some(({ do: what }) => what === "return wrongly")
        ? { wrong: true }
        : marks;
    } finally {
      book.end(run);
    }
  }
  const names = Object.keys(TOOLS) as ToolName[];
  return Object.fromEntries(
    names.filter((name) => name !== "late" || release === 2).map((name) => {
      const tool: Tool = TOOLS[name];
      const job = tool.job && { ...tool.job, waitMs };
      return [name, { ...tool, job, run: runScript }];
    }),
  );
}
