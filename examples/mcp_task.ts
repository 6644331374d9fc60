/**
 * A durable task, driven by the official packages: the server is killed while it
 * runs, another process finishes it, and the client resumes where it was.
 *
 *     deno run -A examples/mcp_task.ts
 *
 * Every line that is printed was checked; anything else ends with an error.
 */
// deno-lint-ignore-file no-import-prefix -- packages of this example alone
import {
  Client,
  StreamableHTTPClientTransport,
} from "npm:@modelcontextprotocol/client@2.4.0";
import {
  createTaskSessionFromClient,
  resultFromTaskOutcome,
} from "npm:@modelcontextprotocol/ext-tasks@0.2.2/client";
import { signedFetch } from "../src/signatures/mod.ts";
import { startServer } from "./server_process.ts";
import { taskDispatch } from "./task_dispatch.ts";

const serverId = "mcp-server-001";
const clientId = "client-001";
const secret = crypto.randomUUID() + crypto.randomUUID();
const folder = await Deno.makeTempDir({ prefix: "countersign-" });
const env = {
  COUNTERSIGN_SERVER_ID: serverId,
  COUNTERSIGN_SERVER_SECRET: crypto.randomUUID() + crypto.randomUUID(),
  COUNTERSIGN_CLIENTS: JSON.stringify({ [clientId]: secret }),
  COUNTERSIGN_KV_URL: `${folder}/kv.db`,
};
const fetch = signedFetch({ clientId, secret, serverId });
const clientInfo = { name: "example", version: "1.0.0" };
const capabilities = { extensions: { "io.modelcontextprotocol/tasks": {} } };

async function connect(base: string) {
  const url = new URL("/mcp", base);
  const client = new Client(clientInfo, {
    versionNegotiation: { mode: { pin: "2026-07-28" } },
    capabilities,
  });
  await client.connect(new StreamableHTTPClientTransport(url, { fetch }));
  const session = createTaskSessionFromClient(client, {
    endpointId: serverId,
    rawDispatch: taskDispatch(url, fetch),
    v2RequestFraming: {
      protocolVersion: "2026-07-28",
      clientInfo,
      clientCapabilities: capabilities,
    },
  });
  const close = () => Promise.all([session.close(), client.close()]);
  return { session, close };
}

const first = await startServer(env);
const before = await connect(first.url);
const payload = { order: 7 };
const execution = await before.session.callTool("start_long_task", {
  seconds: 3,
  payload,
});
if (execution.kind !== "task") throw new Error("The job is no task");
const reference = execution.serializeReference();
console.log("The call became a task");

await new Promise((resolve) => setTimeout(resolve, 1000));
await first.kill("SIGKILL");
await before.close(); // only now: a session that closes cancels its tasks
console.log("The server was killed");

const second = await startServer(env);
const after = await connect(second.url);
const resumed = await after.session.resumeTask(reference);
const { outcome } = await resumed.settle();
const { structuredContent } = resultFromTaskOutcome(outcome);
if (JSON.stringify(structuredContent) !== JSON.stringify(payload)) {
  throw new Error(`The task ended with ${JSON.stringify(structuredContent)}`);
}
console.log("Another process finished it, and the client has the result");

await after.close();
await second.kill("SIGTERM");
await Deno.remove(folder, { recursive: true });
