/** The tools of an observed server: one for each way that a call can go. */
import { defineTool, ToolError, type Tools, type } from "../../mod.ts";

/** One run of a tool, with what it was given. */
export interface Run {
  readonly tool: string;
  readonly args: unknown;
}

/** Notes a run, and hands on the arguments. */
type Saw = <T>(tool: string, args: T) => T;

const anything = type({ "value?": "unknown" });
const job = { attempts: 2, backoffMs: 0, pollAfterMs: 0 };

/**
 * Makes the tools.
 *
 * @param runs Takes every run.
 * @param next What `returns`, `returns_later` and `mutters` do next.
 */
export function observedTools(runs: Run[], next: () => unknown): Tools {
  const saw: Saw = (tool, args) => {
    runs.push({ tool, args });
    return args;
  };
  return { ...callTools(saw, next), ...jobTools(saw, next) };
}

function callTools(saw: Saw, next: () => unknown): Tools {
  return {
    take: defineTool({
      description: "Gives back what it got",
      input: anything,
      run: (args) => saw("take", args) as object,
    }),
    read: defineTool({
      description: "Gives back what it got, as often as it is asked",
      input: anything,
      replayable: true,
      run: (args) => saw("read", args) as object,
    }),
    forbidden: defineTool({
      description: "Is for other clients",
      input: anything,
      run: (args) => saw("forbidden", args) as object,
    }),
    sum: defineTool({
      description: "Adds up",
      input: type({ numbers: "number[] >= 1" }),
      output: type({ total: "number" }),
      run: (args) => ({
        total: saw("sum", args).numbers.reduce((sum, one) => sum + one, 0),
      }),
    }),
    strict: defineTool({
      description: "Has a schema of many parts",
      input: type({
        name: "1 <= string <= 64",
        "count?": "0 <= number.integer <= 100",
        "tags?": "string[] <= 3",
        "kind?": "'a' | 'b' | 'c'",
        "place?": type({ x: "number", y: "number" }).or({ name: "string" }),
      }),
      run: (args) => saw("strict", args) as object,
    }),
    returns: defineTool({
      description: "Returns, or throws, what the case says",
      input: type({}),
      run: (args) => (saw("returns", args), next() as object),
    }),
    tells: defineTool({
      description: "Tells how far it is, in the words that it got",
      input: type({ words: "string[]" }),
      run: async (args, { progress }) => {
        for (const word of saw("tells", args).words) {
          progress(0.5, word);
          await Promise.resolve();
        }
        return args.words;
      },
    }),
  };
}

function jobTools(saw: Saw, next: () => unknown): Tools {
  return {
    keep: defineTool({
      description: "A job that gives back what it got",
      input: anything,
      job,
      run: (args) => saw("keep", args) as object,
    }),
    prepared: defineTool({
      description: "A job that looks at its arguments before it is accepted",
      input: anything,
      job,
      prepare: (args) => saw("prepare", args),
      run: (args) => saw("prepared", args) as object,
    }),
    returns_later: defineTool({
      description: "A job that returns, or throws, what the case says",
      input: type({}),
      job: { ...job, waitMs: 2000 },
      run: (args) => (saw("returns_later", args), next() as object),
    }),
    mutters: defineTool({
      description: "A job that says what the case says, and waits to be told",
      input: type({}),
      job,
      run: async (_args, { ask, log, progress }) => {
        const { words, fraction } = next() as {
          words: string;
          fraction: number;
        };
        log(words, { words });
        progress(fraction, words);
        const form = type({ name: "string" });
        await ask("who", { message: `Who? ${words}`, form });
        return "told";
      },
    }),
    waits: defineTool({
      description: "A job that ends when it is cancelled",
      input: anything,
      job,
      run: (args, { signal }) =>
        new Promise<string>((_resolve, reject) => {
          saw("waits", args);
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    }),
    asks: defineTool({
      description: "A job that asks for a name",
      input: type({}),
      job,
      run: async (args, { ask }) => {
        saw("asks", args);
        const reply = await ask("who", {
          message: "Who is there?",
          form: type({ name: "1 <= string <= 64" }),
        });
        if (reply.action !== "accept") throw new ToolError("Nobody is there");
        return reply.content as object;
      },
    }),
  };
}
