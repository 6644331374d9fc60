import {
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { temporaryFolder } from "./support/folder.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "./support/parties.ts";
import { isInstalled } from "./support/programs.ts";
import { startProcess } from "./support/processes.ts";

const ignore = !isInstalled("python3");

Deno.test({
  name: "A client in plain Python calls, is refused and follows a job",
  ignore,
  async fn() {
    const { code, stdout, stderr } = await run(SECRET);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "-> 200 ok: {'count': 3, 'total': 6.5}");
    assertStringIncludes(stdout, "-> 422 error: invalid_args: numbers[0] must");
    assertStringIncludes(stdout, "-> 200 done: {'city': 'Zürich'}");
    assertStringIncludes(stdout, "Every answer was signed by the server");
  },
});

Deno.test({
  name: "A client in plain Python gives up at an answer that is not signed",
  ignore,
  async fn() {
    const { code, stderr } = await run(`${SECRET}, but another`);
    assertNotEquals(code, 0);
    assertStringIncludes(stderr, "NOT AS EXPECTED: the signature");
    assertStringIncludes(stderr, "unauthenticated");
  },
});

/** Runs the example against a server in a process of its own. */
async function run(
  secret: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  await using folder = await temporaryFolder();
  await using server = await startProcess({
    COUNTERSIGN_KV_URL: folder.file("jobs.db"),
  });
  const script = new URL("../examples/python_client.py", import.meta.url);
  const { code, stdout, stderr } = await new Deno.Command("python3", {
    args: [script.pathname, server.url],
    env: {
      COUNTERSIGN_CLIENT_ID: CLIENT_ID,
      COUNTERSIGN_CLIENT_SECRET: secret,
      COUNTERSIGN_SERVER_ID: SERVER_ID,
      PYTHONIOENCODING: "utf-8",
    },
  }).output();
  const [out, err] = [stdout, stderr].map((b) => new TextDecoder().decode(b));
  return { code, stdout: out, stderr: err };
}
