/**
 * What it costs to refuse 1 MiB, beside what it costs to accept 1 MiB of the
 * same shape: envelopes and messages of MCP, before and after the signature.
 *
 * No more than twice as much is wanted; `tests/refusals_test.ts` keeps the order.
 */
import { envelopes, measuredServer, messages } from "./worst_bodies.ts";

const { handle } = measuredServer();

for (const [protocol, list] of Object.entries({ envelopes, messages })) {
  for (const { accepted, refused } of list) {
    for (const { name, status, request } of [accepted, ...refused]) {
      Deno.bench(`${protocol}: ${name}`, {
        group: `${protocol}: ${accepted.name}`,
        baseline: name === accepted.name,
        n: 5,
        warmup: 1,
      }, async (b) => {
        const sent = request();
        b.start();
        const response = await handle(sent);
        const text = await response.text();
        b.end();
        if (response.status !== status) throw new Error(text.slice(0, 200));
      });
    }
  }
}
