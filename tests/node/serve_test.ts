/** `serve` on Node, Bun and Deno. */
import { runCases, RUNTIMES } from "./processes.ts";
import { cases } from "./serve_cases.ts";

for (const [name, command] of Object.entries(RUNTIMES)) {
  Deno.test({
    name: `serve does what it says in ${name}`,
    ignore: command === undefined,
    fn: () =>
      runCases(command ?? [], "../node/serve_cases.ts", Object.keys(cases)),
  });
}
