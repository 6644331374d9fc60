/** A server process whose jobs can be watched from outside; see `tests/`. */
import { defineTool, type } from "../../mod.ts";
import { serve } from "./serve.ts";

const marks = Deno.env.get("MARKS") ?? "";

/** Says to whoever tests that a piece of work was done here. */
function mark(line: string): void {
  Deno.writeTextFileSync(marks, `${line}\n`, { append: true });
}

export const tools = {
  five_steps: defineTool({
    description: "Does five things, each marked, each kept",
    input: type({ number: "number", "pause_ms?": "number" }),
    output: type({ total: "number", attempt: "number" }),
    job: { attempts: 50, backoffMs: 50 },
    run: async ({ number, pause_ms = 0 }, { step, signal, attempt }) => {
      signal.addEventListener("abort", () => mark(`${number} stopped`));
      let total = 0;
      for (let i = 1; i <= 5; i++) {
        total += await step(`step ${i}`, async () => {
          mark(`${number} ${i}`);
          await new Promise((done) => setTimeout(done, pause_ms));
          return number * i;
        });
        mark(`${number} ${i} kept`);
      }
      return { total, attempt };
    },
  }),
  deadly: defineTool({
    description: "Kills its process, every time",
    input: type({}),
    job: { attempts: 3, backoffMs: 50 },
    run: (): string => {
      mark("deadly");
      Deno.kill(Deno.pid, "SIGKILL");
      return "";
    },
  }),
};

if (import.meta.main) {
  serve(tools, {
    leaseMs: Number(Deno.env.get("LEASE_MS") ?? 600),
    maxUnfinished: 1000,
  });
}
