/** Time and chance are handed in to whatever keeps and runs jobs. */
import { assertEquals } from "@std/assert";

const GLOBALS =
  /\b(Date\.now|new Date\(\)|performance\.|set(Timeout|Interval|Immediate)|Math\.random|crypto\.|AbortSignal\.(timeout|any)|queueMicrotask|MessageChannel)/;

Deno.test("jobs and their store take time and chance from nobody but who made them", () => {
  const found: string[] = [];
  for (const folder of ["job", "kv"]) {
    const url = new URL(`../src/${folder}/`, import.meta.url);
    for (const { name } of Deno.readDirSync(url)) {
      const lines = Deno.readTextFileSync(new URL(name, url)).split("\n");
      for (const [i, line] of lines.entries()) {
        if (/^\s*(\*|\/\/|\/\*)/.test(line) || !GLOBALS.test(line)) continue;
        found.push(`${folder}/${name}:${i + 1}: ${line.trim()}`);
      }
    }
  }
  assertEquals(found, []);
});
