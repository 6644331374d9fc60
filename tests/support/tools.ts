/** A tool of every kind of behaviour, for servers of tests. */
import {
  batch_sum,
  defineTool,
  start_long_task,
  ToolError,
  type,
} from "../../mod.ts";

const nothing = type({});

export const tools = {
  batch_sum,
  start_long_task,
  echo: defineTool({
    description: "Gives back what it got",
    input: type({ "value?": "unknown" }),
    run: ({ value }) => ({ value: value as never }),
  }),
  fails: defineTool({
    description: "Throws what nobody may see",
    input: nothing,
    run: (): string => {
      throw new Error("the password is hunter2");
    },
  }),
  refuses: defineTool({
    description: "Throws what the caller should read",
    input: nothing,
    run: (): string => {
      throw new ToolError("The shelf is empty; fill it first");
    },
  }),
  breaks_its_word: defineTool({
    description: "Returns what its output schema does not allow",
    input: nothing,
    output: type({ total: "number" }),
    run: () => ({ total: "many" }) as never,
  }),
  returns_a_date: defineTool({
    description: "Returns what is not JSON",
    input: nothing,
    run: () => new Date(0) as unknown as string,
  }),
  returns_much: defineTool({
    description: "Returns more than a server may send",
    input: type({ bytes: "number" }),
    run: ({ bytes }) => "x".repeat(bytes),
  }),
  is_slow: defineTool({
    description: "Takes longer than it may",
    input: nothing,
    timeoutMs: 20,
    run: () => new Promise<string>(() => {}),
  }),
  answers_now: defineTool({
    description: "A job that is done at once",
    input: type({ value: "number" }),
    job: true,
    run: ({ value }) => ({ value }),
  }),
  waits_forever: defineTool({
    description: "A job that ends only when it is cancelled",
    input: nothing,
    job: true,
    run: (_args, { signal }) =>
      new Promise<string>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  }),
};
