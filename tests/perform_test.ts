/** What becomes of a tool's result, and of what it throws. */
import { assertEquals } from "@std/assert";
import { defineTool, type } from "../mod.ts";
import { request, signed } from "./support/envelopes.ts";
import { refused } from "./support/refused.ts";
import { withServer } from "./support/servers.ts";

const nothing = {
  description: "Returns nothing",
  input: type({}),
  run: () => undefined as never,
};
const output = type("undefined | number") as never;

/** Every way that a tool may return `undefined`. */
const tools = {
  plain: defineTool(nothing),
  checked: defineTool({ ...nothing, output }),
  job: defineTool({ ...nothing, job: true }),
  checked_job: defineTool({ ...nothing, output, job: true }),
};

Deno.test("A tool that returns undefined is answered with null, also by a schema's leave", async () => {
  await withServer(async ({ client }) => {
    assertEquals<unknown>(await client.call("plain"), null);
    assertEquals<unknown>(await client.call("checked"), null);
    for (const name of ["job", "checked_job"] as const) {
      const job = await client.start(name);
      assertEquals<unknown>(await job.result(), null);
    }
  }, { tools });
});

Deno.test("a ToolError is tool_failed with its own message", async () => {
  await withServer(async ({ post }) => {
    const { status, answer } = await post(
      signed({ tool: "refuses", args: {} }),
    );
    assertEquals(status, 500);
    assertEquals(
      answer.error,
      "tool_failed: The shelf is empty; fill it first",
    );
  });
});

Deno.test("a result that fails its schema or is not JSON is tool_failed", async () => {
  await withServer(async ({ handle }) => {
    for (const tool of ["breaks_its_word", "returns_a_date", "is_slow"]) {
      const body = signed({ tool, args: {} });
      await refused("tool_failed", handle(request(body)));
    }
  });
});
