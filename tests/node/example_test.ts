/** `examples/node_server.ts`, in every runtime that it is for. */
import { assertEquals } from "@std/assert";
import { createClient } from "@countersign/mcp/client";
import { bundle } from "../runtimes/bundle.ts";
import { temporaryFolder } from "../support/folder.ts";
import { startProcess } from "../support/processes.ts";
import { hasSqlite, RUNTIMES } from "./processes.ts";

const secret = "a-secret-of-client-001-that-is-long-enough";

for (const [name, command] of Object.entries(RUNTIMES)) {
  Deno.test({
    name: `the example's server answers, and stops in order, in ${name}`,
    ignore: command === undefined || !await hasSqlite(command),
    async fn() {
      await using folder = await temporaryFolder();
      const code = await bundle(
        "../node/example_process.ts",
        "--external=bun:*",
      );
      await Deno.writeTextFile(folder.file("server.mjs"), code);
      const file = new URL(`file://${folder.file("server.mjs")}`);
      const env = {
        SERVER_SECRET: "the-server's-own-secret-that-nobody-else-has",
        CLIENT_SECRET: secret,
        KV_FILE: folder.file("kv.sqlite"),
      };
      await using process = await startProcess(env, file, command);
      const client = createClient({
        url: process.url,
        serverId: "greeter",
        clientId: "client-001",
        secret,
      });
      const said = await client.call("greet", { name: "Ada" });
      assertEquals(said, { greeting: "Hello, Ada!" });
      await process.kill("SIGTERM");
    },
  });
}
