/** Cases that once showed a fault, made small: each must hold from then on. */
import found from "./found.json" with { type: "json" };
import { KINDS } from "./kinds.ts";
import { runCase } from "./run.ts";

for (const [name, cases] of Map.groupBy(found, ({ kind }) => kind)) {
  Deno.test(`What was found once holds: ${name}`, async (test) => {
    const kind = KINDS.find((kind) => kind.name === name);
    if (kind === undefined) throw new TypeError(`No kind is named "${name}"`);
    const subject = await kind.open();
    try {
      for (const { shows, value } of cases) {
        await test.step(shows, async () => {
          // A text within the text: formatters balk at half an emoji.
          const violation = await runCase(subject, JSON.parse(value));
          if (violation) throw violation;
        });
      }
    } finally {
      await subject.close();
    }
  });
}
