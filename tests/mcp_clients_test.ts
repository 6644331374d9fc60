/** The official clients, over real HTTP, signing every request. */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { signedFetch } from "../src/signatures/mod.ts";
import { temporaryFolder } from "./support/folder.ts";
import {
  CLIENT_ID,
  OTHER_SECRET,
  SECRET,
  SERVER_ID,
} from "./support/parties.ts";
import {
  connect,
  resultFromTaskOutcome,
  taskSession,
} from "./support/mcp_clients.ts";
import { mcpRequest } from "./support/mcp.ts";
import { startProcess } from "./support/processes.ts";
import { until } from "./support/until.ts";

const MCP_SERVER = new URL("./support/mcp_server.ts", import.meta.url);
const fetch = signedFetch({
  clientId: CLIENT_ID,
  secret: SECRET,
  serverId: SERVER_ID,
});

async function withFolder(use: (env: Record<string, string>) => Promise<void>) {
  await using folder = await temporaryFolder();
  await use({ COUNTERSIGN_KV_URL: folder.file("kv.db") });
}

/** A task as it stands at one of the processes. */
async function taskAt(
  url: string,
  taskId: string,
): Promise<{ status: string; statusMessage?: string }> {
  const request = mcpRequest("tasks/get", { taskId });
  const response = await fetch(new Request(new URL("/mcp", url), request));
  return (await response.json()).result;
}

// The official client keeps timers and readers of its own.
const official = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "the official client discovers, lists, is asked, told of progress, and answered",
  official,
  () =>
    withFolder(async (env) => {
      await using server = await startProcess(env, MCP_SERVER);
      const client = await connect(server.url, fetch);
      assertEquals(client.getServerCapabilities()?.extensions, {
        "io.modelcontextprotocol/tasks": {},
      });
      const { tools } = await client.listTools();
      assert(tools.some(({ name }) => name === "greet"));
      const fractions: number[] = [];
      const result = await client.callTool(
        { name: "greet", arguments: { greeting: "Hello" } },
        { onprogress: ({ progress }) => fractions.push(progress) },
      );
      assertEquals(result.structuredContent, { text: "Hello, Ada!" });
      assert(fractions.includes(0.5)); // the client adds one for each round
      await client.close();
    }),
);

Deno.test(
  "the official client of an earlier revision lists and calls, and waits for a job",
  official,
  () =>
    withFolder(async (env) => {
      await using server = await startProcess(env, MCP_SERVER);
      const client = await connect(server.url, fetch, "2025-11-25");
      const result = await client.callTool({
        name: "survive",
        arguments: { steps: 2 },
      });
      const { processes } = result.structuredContent as { processes: number[] };
      assertEquals(processes.length, 2);
      const asked = await client.callTool({
        name: "greet",
        arguments: { greeting: "Hello" },
      });
      assertEquals(asked.isError, true);
      await client.close();
    }),
);

Deno.test(
  "a client with the wrong secret does not get in",
  official,
  () =>
    withFolder(async (env) => {
      await using server = await startProcess(env, MCP_SERVER);
      const stranger = signedFetch({
        clientId: CLIENT_ID,
        secret: OTHER_SECRET,
        serverId: SERVER_ID,
      });
      await assertRejects(
        () => connect(server.url, stranger),
        Error,
        "HTTP 401",
      );
    }),
);

Deno.test(
  "a task of a process that is killed is ended by another, and read there",
  official,
  () =>
    withFolder(async (env) => {
      const first = await startProcess(env, MCP_SERVER);
      const client = await connect(first.url, fetch);
      const session = taskSession(client, first.url, fetch);
      const execution = await session.callTool("survive", { steps: 12 });
      assert(execution.kind === "task");
      const reference = execution.serializeReference();
      assert("taskId" in reference);
      await until("a word of its progress", async () => {
        const task = await taskAt(first.url, String(reference.taskId));
        return task.statusMessage?.endsWith(" of 12");
      });
      await first.kill();
      await Promise.all([session.close(), client.close()]);

      await using second = await startProcess(env, MCP_SERVER);
      const again = await connect(second.url, fetch);
      const other = taskSession(again, second.url, fetch);
      const { outcome } = await (await other.resumeTask(reference)).settle();
      const result = resultFromTaskOutcome(outcome);
      const { processes } = result.structuredContent as { processes: number[] };
      assertEquals(processes.length, 12);
      assertEquals(new Set(processes).size, 2);
      await Promise.all([other.close(), again.close()]);
    }),
);

Deno.test(
  "a question outlives the process that asked it, and is answered by the client's own handler",
  official,
  () =>
    withFolder(async (env) => {
      const first = await startProcess(env, MCP_SERVER);
      const created = await (await fetch(
        new Request(
          new URL("/mcp", first.url),
          mcpRequest("tools/call", { name: "countersign" }),
        ),
      )).json();
      const { taskId } = created.result;
      const asking = async (url: string) =>
        (await taskAt(url, taskId)).status === "input_required";
      await until("its question", () => asking(first.url));
      await first.kill();

      await using second = await startProcess(env, MCP_SERVER);
      assert(await asking(second.url));
      const client = await connect(second.url, fetch);
      const session = taskSession(client, second.url, fetch);
      const resumed = await session.resumeTask({
        endpointId: session.endpointId,
        generation: "v2",
        taskId,
        originalOperation: "tools/call",
      });
      const { outcome } = await resumed.settle();
      const { name, began, ended } = resultFromTaskOutcome(outcome)
        .structuredContent as { name: string; began: number; ended: number };
      assertEquals(name, "Ada");
      assertNotEquals(began, ended);
      await Promise.all([session.close(), client.close()]);
    }),
);
