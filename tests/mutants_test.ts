/** That the mutants are of this code, and of every threat; `deno task mutants` runs them. */
import { assert, assertEquals } from "@std/assert";
import { MUTANTS } from "./mutants/mod.ts";

const ROOT = new URL("..", import.meta.url);

Deno.test("what each mutant replaces stands in its file once, and its tests are there", async () => {
  for (const { promise, file, find, replace, tests } of MUTANTS) {
    const text = await Deno.readTextFile(new URL(file, ROOT));
    assertEquals(text.split(find).length - 1, 1, `${promise}, in ${file}`);
    assert(find !== replace, promise);
    assert(tests.length > 0, promise);
    for (const test of tests) await Deno.stat(new URL(test, ROOT));
  }
});

Deno.test("every row of SECURITY.md's table has a mutant", async () => {
  const text = await Deno.readTextFile(new URL("SECURITY.md", ROOT));
  const rows = text.split("\n").filter((line) => line.startsWith("| "))
    .map((line) => line.split("|")[1].trim()).slice(2);
  assert(rows.length > 0);
  const without = rows.filter((row) =>
    !MUTANTS.some(({ promise }) => promise.startsWith(row))
  );
  assertEquals(without, []);
});
