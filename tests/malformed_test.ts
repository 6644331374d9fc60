/** What is no envelope, and what it is told to mend. */
import { assertStringIncludes } from "@std/assert";
import { request, signed } from "./support/envelopes.ts";
import { refused } from "./support/refused.ts";
import { withServer } from "./support/servers.ts";

const unsigned = { secret: "" };

/** Bodies, and what they are told. */
const BODIES: [string, string][] = [
  ["", "not JSON"],
  ["[]", "must be"],
  ["null", "must be"],
  ['{"v":"mcp/0.1"}', "nonce must be"],
  [signed({ v: "mcp/0.2" }), 'v must be "mcp/0.1"'],
  [signed({ extra: 1 }), "extra must be removed"],
  [signed({ args: [1] }), "args must be an object, not an array"],
  [signed({ ts_ms: 1.5 }), "ts_ms must be an integer"],
  [signed({ nonce: "short" }), "nonce must be"],
  [signed({ request_id: "with space" }), "request_id must be"],
  [`{"a":1e400,${signed().slice(1)}`, "a is 1e400, beyond every double"],
  [signed().replace("[1,2,3]", "[1,2,1e400]"), "Infinity"],
  [signed().replace('"args"', '"tool":"fails","args"'), '"tool" twice'],
  [
    signed({ args: { numbers: [1], deep: { x: 1 } } })
      .replace('"x":1', '"x":1,"\\u0078":1'),
    '"x" twice',
  ],
  [signed().replace('"args":', '"args":{"s":"\\ud800"},"arg":'), "arg"],
  [`\ufeff${signed()}`, "not JSON"],
];

Deno.test("what is no envelope is malformed, and says what to mend", async () => {
  await withServer(async ({ handle }) => {
    for (const [body, says] of BODIES) {
      const { answer } = await refused(
        "malformed",
        handle(request(body)),
        unsigned,
      );
      assertStringIncludes(String(answer.error), says);
    }
    const invalidUtf8 = new Uint8Array([0x22, 0xff, 0x22]);
    await refused("malformed", handle(request(invalidUtf8)), unsigned);
  });
});

Deno.test("lone surrogates and nesting beyond 64 are malformed", async () => {
  await withServer(async ({ handle }) => {
    const surrogate = signed().replace("[1,2,3]", '"\\ud800"');
    const { answer } = await refused(
      "malformed",
      handle(request(surrogate)),
      unsigned,
    );
    assertStringIncludes(String(answer.error), "lone surrogate");
    const deep = signed().replace(
      "[1,2,3]",
      "[".repeat(100_000) + "]".repeat(100_000),
    );
    await refused("malformed", handle(request(deep)), unsigned);
  });
});
