/** A server process for MCP clients that sign; its job can be followed from another. */
import { defineTool, type } from "../../mod.ts";
import { serve } from "./serve.ts";

serve({
  greet: defineTool({
    description: "Asks who is there, and greets",
    input: type({ greeting: "string" }),
    output: type({ text: "string" }),
    run: async ({ greeting }, { ask, progress }) => {
      const who = await ask("who", {
        message: "Who is there?",
        form: type({ name: "string" }),
      });
      progress(0.5);
      const name = who.action === "accept" ? who.content.name : "you";
      return { text: `${greeting}, ${name}!` };
    },
  }),
  survive: defineTool({
    description: "Says in which process each of its steps ran",
    input: type({ steps: "1 <= number.integer <= 50" }),
    output: type({ "processes": "number[]" }),
    job: { pollAfterMs: 50, attempts: 50 },
    run: async ({ steps }, { step, progress }) => {
      const processes: number[] = [];
      for (let i = 0; i < steps; i++) {
        processes.push(
          await step(`step ${i}`, async () => {
            await new Promise((resolve) => setTimeout(resolve, 100));
            return Deno.pid;
          }),
        );
        progress((i + 1) / steps, `${i + 1} of ${steps}`);
      }
      return { processes };
    },
  }),
  countersign: defineTool({
    description: "Waits for a name, whichever process is there to wait",
    input: type({}),
    output: type({ name: "string", began: "number", ended: "number" }),
    job: { pollAfterMs: 50 },
    run: async (_args, { ask, step }) => {
      const began = await step("begin", () => Deno.pid);
      const who = await ask("who", {
        message: "Who signs?",
        form: type({ name: "string" }),
      });
      const name = who.action === "accept" ? who.content.name : "nobody";
      return { name, began, ended: Deno.pid };
    },
  }),
}, { leaseMs: 600 });
