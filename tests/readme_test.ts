/** The README's first screen, pasted: its server, its command, its call. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { temporaryFolder } from "./support/folder.ts";
import { freePort, listensOn } from "./support/listen.ts";
import { until } from "./support/until.ts";

const ROOT = new URL("..", import.meta.url);

/** The README's TypeScript blocks that name a package as users do. */
async function blocks(): Promise<string[]> {
  const text = await Deno.readTextFile(new URL("README.md", ROOT));
  const found = text.matchAll(/```ts ignore\n([^]*?)```/g);
  return Array.from(found, ([, code]) => code);
}

Deno.test("the README's server and client work when pasted", async () => {
  const [server, client, mcp] = await blocks();
  const lines = server.split("\n").filter((line) => line.trim() !== "");
  assert(lines.length <= 12, `the server has ${lines.length} lines`);
  await using folder = await temporaryFolder();
  const { imports } = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", ROOT)),
  );
  await Deno.writeTextFile(
    folder.file("deno.json"),
    JSON.stringify({
      imports: {
        "jsr:@countersign/mcp": new URL("mod.ts", ROOT).href,
        "jsr:@countersign/mcp/client": new URL("src/client/mod.ts", ROOT).href,
        "jsr:@countersign/mcp/signatures":
          new URL("src/signatures/mod.ts", ROOT).href,
        arktype: imports.arktype,
        "arktype/config": imports["arktype/config"],
      },
    }),
  );
  const port = freePort(); // another server may have the README's
  const at = (code: string) => code.replaceAll("8787", String(port));
  await Deno.writeTextFile(folder.file("server.ts"), at(server));
  await Deno.writeTextFile(folder.file("client.ts"), at(client));
  await Deno.writeTextFile(
    folder.file("mcp.ts"),
    `${at(mcp)}
    for (const { name } of (await client.listTools()).tools) console.log(name);
    await client.close();`,
  );
  const env = {
    SERVER_SECRET: crypto.randomUUID() + crypto.randomUUID(),
    CLIENT_SECRET: crypto.randomUUID() + crypto.randomUUID(),
  };
  const run = (file: string) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--unstable-kv", "-A", folder.file(file)],
      cwd: folder.file(""),
      env,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  const serving = run("server.ts");
  try {
    await until("the README's server", () => listensOn(port));
    for (
      const [file, says] of [
        ["client.ts", '{ greeting: "Hello, Ada!" }'],
        ["mcp.ts", "greet"],
      ]
    ) {
      const { code, stdout, stderr } = await run(file).output();
      const text = new TextDecoder().decode(stdout);
      assertEquals(code, 0, new TextDecoder().decode(stderr));
      assertStringIncludes(text, says);
    }
  } finally {
    serving.kill("SIGKILL");
    await serving.output();
  }
});
