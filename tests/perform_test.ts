import { assertEquals } from "@std/assert";
import { createClient, defineTool, type } from "../mod.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "./support/envelopes.ts";
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
  await withServer(async ({ handle }) => {
    const client = createClient<typeof tools>({
      fetch: handle,
      clientId: CLIENT_ID,
      secret: SECRET,
      serverId: SERVER_ID,
    });
    assertEquals<unknown>(await client.call("plain"), null);
    assertEquals<unknown>(await client.call("checked"), null);
    for (const name of ["job", "checked_job"] as const) {
      const job = await client.start(name);
      assertEquals<unknown>(await job.result(), null);
    }
  }, { tools });
});
