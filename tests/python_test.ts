import {
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { CLIENT_ID, SECRET, SERVER_ID } from "./support/envelopes.ts";
import { hasPython } from "./support/python.ts";
import { startProcess } from "./support/servers.ts";

const ignore = !hasPython();

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
  const directory = await Deno.makeTempDir();
  const server = await startProcess({
    COUNTERSIGN_KV_URL: `${directory}/jobs.db`,
  });
  try {
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
  } finally {
    await server.kill();
    await Deno.remove(directory, { recursive: true });
  }
}
