/** `sqliteKv` on Node, Bun and Deno. */
import { assert, assertStringIncludes } from "@std/assert";
import { bundle } from "../runtimes/bundle.ts";
import { hasSqlite, runCases, RUNTIMES } from "./processes.ts";
import { cases } from "./sqlite_cases.ts";

const names = cases.map(([name]) => name);

for (const [name, command] of Object.entries(RUNTIMES)) {
  const here = command !== undefined && await hasSqlite(command);
  Deno.test({
    name: `a file of SQLite holds the contracts in ${name}`,
    ignore: !here,
    fn: () => runCases(command ?? [], "../node/sqlite_cases.ts", names),
  });
  Deno.test({
    name: `without SQLite, ${name} says what to use`,
    ignore: command === undefined || here,
    async fn() {
      const folder = await Deno.makeTempDir();
      const code = await bundle("../../src/node/mod.ts", "--external=bun:*");
      await Deno.writeTextFile(`${folder}/node.mjs`, code);
      const script = `import { sqliteKv } from "${folder}/node.mjs";
        await sqliteKv({ path: ":memory:" });`;
      const { success, stderr } = await new Deno.Command(command?.[0] ?? "", {
        args: ["--input-type=module", "-e", script],
      }).output();
      assert(!success);
      assertStringIncludes(
        new TextDecoder().decode(stderr),
        "There is no SQLite here: use Node 22.5 or later, Bun or Deno",
      );
      await Deno.remove(folder, { recursive: true });
    },
  });
}
