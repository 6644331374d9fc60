import { assertEquals } from "@std/assert";
import { cut } from "../src/text.ts";

Deno.test("cut() never leaves half a character", () => {
  const text = "ab😀cd";
  const cuts = Array.from({ length: 8 }, (_, most) => cut(text, most));
  assertEquals(cuts, ["", "a", "ab", "ab", "ab😀", "ab😀c", text, text]);
});

Deno.test("cut() mends what was broken before", () => {
  const [high, low] = ["😀".slice(0, 1), "😀".slice(1)];
  assertEquals(cut(`a${high}`), "a\ufffd");
  assertEquals(cut(`${low}${high}b`, 2), "\ufffd\ufffd");
  assertEquals(cut(`${high}${high}${low}`, 2), "\ufffd");
});
