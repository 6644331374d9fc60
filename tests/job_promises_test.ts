/** Every promise of `docs/jobs.md` has a test by its name. */
import { assert, assertEquals } from "@std/assert";

Deno.test("every promise of docs/jobs.md has a number, and a test by its name", async () => {
  const folder = new URL("./", import.meta.url);
  const doc = await Deno.readTextFile(new URL("../docs/jobs.md", folder));
  // A promise may go on in lines that are indented.
  const promises = Array.from(
    doc.matchAll(/^(\d+)\. (.+(?:\n {2,}.+)*)$/gm),
    ([, number, text]) => ({ number, text: text.replaceAll(/\n +/g, " ") }),
  );
  assert(promises.length > 40);
  assertEquals(
    promises.map(({ number }) => Number(number)),
    promises.map((_, i) => i + 1),
  );
  const files = Array.from(Deno.readDirSync(folder), ({ name }) => name)
    .filter((name) => name.endsWith("_test.ts"));
  const read = (name: string) => Deno.readTextFile(new URL(name, folder));
  const code = (await Promise.all(files.map(read))).join("\n");
  const untested = promises.map(({ text }) => text.replace(/\.$/, ""))
    .filter((text) => {
      const name = text[0].toLowerCase() + text.slice(1);
      return !code.includes(`"${name}"`);
    });
  assertEquals(untested, []);
});
