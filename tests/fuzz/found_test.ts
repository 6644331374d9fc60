/** Cases that once showed a fault, made small: each must hold from then on. */
import found from "./found.json" with { type: "json" };
import { KINDS } from "./kinds.ts";
import { runCase } from "./run.ts";

for (const { kind: name, shows, value } of found) {
  Deno.test(`${name}: ${shows}`, async () => {
    const kind = KINDS.find((kind) => kind.name === name);
    if (kind === undefined) throw new TypeError(`No kind is named "${name}"`);
    const subject = await kind.open();
    try {
      const violation = await runCase(subject, value);
      if (violation) throw violation;
    } finally {
      await subject.close();
    }
  });
}
