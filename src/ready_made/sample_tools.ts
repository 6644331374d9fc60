/**
 * The tools that the ready-made `handle` serves: one of each kind.
 *
 * @module
 */

import { ToolError } from "../errors.ts";
import { jsonObject, type } from "../tool/schema.ts";
import { defineTool, type Tool } from "../tool/tool.ts";

/** Adds numbers up. */
export const batch_sum: Tool<
  { numbers: number[] },
  { count: number; total: number },
  false
> = defineTool({
  description: "Adds up a batch of numbers",
  input: type({ numbers: "number[] >= 1" }),
  output: type({ count: "number.integer", total: "number" }),
  run({ numbers }) {
    const total = numbers.reduce((sum, number) => sum + number, 0);
    if (!Number.isFinite(total)) {
      throw new ToolError("The total is more than a double can hold");
    }
    return { count: numbers.length, total };
  },
});

/** Takes its time, then gives the payload back. */
export const start_long_task: Tool<
  { seconds: number; payload?: object },
  object,
  true
> = defineTool({
  description: "Works for some seconds, then gives the payload back",
  input: type({
    seconds: "1 <= number.integer <= 20",
    payload: jsonObject.default(() => ({})),
  }),
  output: jsonObject,
  job: true,
  run: async ({ seconds, payload }, { step, sleep, progress }) => {
    const began = await step("begin", () => Date.now());
    for (let second = 1; second <= seconds; second++) {
      await sleep(new Date(began + second * 1000));
      progress(second / seconds, `${second} of ${seconds} s`);
    }
    return payload;
  },
});
