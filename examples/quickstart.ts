/**
 * Countersign, end to end: a real server on a free port with its KV in a file,
 * and a client that calls it, is refused, starts a job, and finds it again
 * after the server was killed.
 *
 *     deno run -A examples/quickstart.ts
 *
 * Every line that is printed was checked; anything else ends with an error.
 */
import {
  type batch_sum,
  CountersignError,
  createClient,
  type start_long_task,
} from "../mod.ts";
import { startServer } from "./server_process.ts";

type Tools = {
  batch_sum: typeof batch_sum;
  start_long_task: typeof start_long_task;
};

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

/** The body of the last call, to play the attacker with. */
let lastBody = "";
function clientOf(url: string) {
  return createClient<Tools>({
    url,
    clientId,
    secret,
    serverId,
    fetch: async (request) => {
      lastBody = await request.clone().text();
      return await fetch(request);
    },
  });
}

try {
  let requestId: string;
  {
    await using server = await startServer(env);
    say("start", `a server at ${server.url}, its jobs in ${folder}/kv.db`);
    const client = clientOf(server.url);

    const identity = await client.identity();
    check(identity.serverId === serverId, identity);
    say("identity", JSON.stringify(identity));

    const sum = await client.call("batch_sum", { numbers: [1, 2, 3] });
    check(sum.count === 3 && sum.total === 6, sum);
    say("batch_sum", `[1, 2, 3] -> ${JSON.stringify(sum)}`);
    const sumBody = lastBody;

    const wrong = ["one"] as unknown as number[];
    const invalid = await refusal(() =>
      client.call("batch_sum", { numbers: wrong })
    );
    check(invalid.code === "invalid_args", invalid);
    say("refused", `${invalid.status} ${invalid.code}: ${invalid.message}`);

    const replayed = await post(server.url, sumBody);
    check(replayed.startsWith("409 replayed"), replayed);
    say("refused", `the same envelope again: ${replayed}`);

    const tampered = await post(
      server.url,
      sumBody.replace("[1,2,3]", "[1,2,4]"),
    );
    check(tampered.startsWith("401 unauthenticated"), tampered);
    say("refused", `the same with one digit changed: ${tampered}`);

    const job = await client.start("start_long_task", {
      seconds: 2,
      payload: { report: "done" },
    });
    requestId = job.requestId;
    say("accepted", `start_long_task, by request ${requestId}`);
    bar(0);
    const result = await job.result({
      onProgress: ({ progress = 0 }) => bar(progress),
    });
    bar(1);
    check(JSON.stringify(result) === '{"report":"done"}', result);
    say("done", JSON.stringify(result));

    await server.kill("SIGKILL");
    say("kill -9", "the server is gone");
  }
  await using server = await startServer(env);
  const job = clientOf(server.url).job("start_long_task", { requestId });
  const state = await job.poll();
  check(state.status === "done", state);
  say("restart", `the job is still there: ${JSON.stringify(state)}`);
} finally {
  await Deno.remove(folder, { recursive: true });
}
console.log("\nAll of it was checked.");

function say(what: string, text: string): void {
  console.log(`${what.padStart(10)}  ${text}`);
}

function bar(fraction: number): void {
  const full = Math.round(fraction * 20);
  const text = "█".repeat(full).padEnd(20, "░");
  say("running", `${text} ${Math.round(fraction * 100)} %`);
}

/** Sends a body as it is; says the status and the server's words. */
async function post(url: string, body: string): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const { error } = await response.json();
  return `${response.status} ${error}`;
}

/** What a call is refused with. */
async function refusal(call: () => Promise<unknown>) {
  try {
    await call();
  } catch (error) {
    if (error instanceof CountersignError) return error;
    throw error;
  }
  throw new Error("The call was not refused");
}

function check(holds: boolean, found: unknown): void {
  if (!holds) throw new Error(`Unexpected: ${JSON.stringify(found)}`);
}
