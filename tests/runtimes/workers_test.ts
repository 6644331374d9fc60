/** Jobs in the real runtime of Workers: over HTTP, with KV in another process. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Client,
  CountersignError,
  createClient,
  type JobHandle,
} from "@countersign/mcp/client";
import type { batch_sum, start_long_task } from "@countersign/mcp";
import { memoryRows } from "../kv_connect/memory_rows.ts";
import { type KvServer, kvServer } from "../kv_connect/server.ts";
import { startProcess } from "../support/servers.ts";
import { bundle } from "./bundle.ts";
import type { tools } from "./job_server.ts";
import { startWorkerd, type Workerd } from "./workerd.ts";

const KV_TOKEN = "an-access-token";
const SECRET = "a-secret-that-is-certainly-long-enough";
const DATE = "2026-10-23";

interface Setting {
  /** What Worker and process are told. */
  readonly env: Record<string, string>;
  readonly kvs: KvServer;
}

/** A KV behind a server, and one bundle of the Worker for all tests. */
async function withKv(use: (setting: Setting) => Promise<void>): Promise<void> {
  const kvs = kvServer({ rows: memoryRows(), token: KV_TOKEN });
  await using http = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    kvs.handle,
  );
  const KV_URL = `http://127.0.0.1:${http.addr.port}/`;
  await use({ env: { KV_URL, KV_TOKEN, SECRET }, kvs });
}

let code: Promise<string> | undefined;

async function start({ env }: Setting): Promise<Workerd | undefined> {
  code ??= bundle("job_worker.ts");
  return await startWorkerd({ code: await code, env, date: DATE });
}

function clientOf(
  url: string,
  send?: (body: string) => void,
): Client<typeof tools> {
  return createClient<typeof tools>({
    url,
    clientId: "client-001",
    secret: SECRET,
    serverId: "shared",
    retries: 0,
    fetch: async (request) => {
      send?.(await request.clone().text());
      return await fetch(request);
    },
  });
}

/** The result of a job that is done: asked once, which carries nothing on. */
async function resultOf<Result>(job: JobHandle<Result>): Promise<Result> {
  const state = await job.poll();
  assert(state.status === "done", state.status);
  return state.result;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("a Worker says who it is, adds up, and refuses", () =>
  withKv(async (setting) => {
    await using worker = await start(setting);
    if (worker === undefined) return;
    let body = "";
    const client = clientOf(worker.url, (sent) => body = sent);
    assertEquals((await client.identity()).serverId, "shared");
    const sum = await client.call("batch_sum", { numbers: [1, 2, 3] });
    assertEquals(sum, { count: 3, total: 6 });
    assertEquals(await refusal(worker.url, body), [409, "replayed"]);
    const forged = body.replace("[1,2,3]", "[1,2,4]");
    assertEquals(await refusal(worker.url, forged), [401, "unauthenticated"]);
    const error = await assertRejects(
      () => client.call("batch_sum", { numbers: [] }),
      CountersignError,
    );
    assertEquals(error.code, "invalid_args");
  }));

Deno.test("a job on Workers runs in slices, over several ticks of the cron", () =>
  withKv(async (setting) => {
    await using worker = await start(setting);
    if (worker === undefined) return;
    const job = await clientOf(worker.url).start("slices");
    await sleep(1200); // its first sleep gave the instance up
    for (let tick = 0; tick < 8; tick++) await worker.scheduled();
    const steps = await resultOf(job);
    assertEquals(steps.length, 10);
    // Each attempt went on where the one before it had left off.
    const attempts = [...new Set(steps)];
    assert(attempts.length >= 3, `${attempts.length} attempts`);
    const inOrder = attempts.flatMap((attempt) =>
      steps.filter((by) => by === attempt)
    );
    assertEquals(steps, inOrder);
  }));

Deno.test("a poll alone carries a job on, on Workers", () =>
  withKv(async (setting) => {
    await using worker = await start(setting);
    if (worker === undefined) return;
    const job = await clientOf(worker.url).start("travels", { naps: 2 });
    const runtime = "Cloudflare-Workers";
    assertEquals(await job.result(), [runtime, runtime]);
  }));

Deno.test("a Worker that is stopped in the middle loses nothing", () =>
  withKv(async (setting) => {
    await using first = await start(setting);
    if (first === undefined) return;
    const args = { naps: 6, pause_ms: 310 };
    const started = await clientOf(first.url).start("travels", args);
    const steps = () =>
      setting.kvs.paths.filter((path) => path.endsWith("write")).length;
    while (steps() < 4) await sleep(20); // accepted, and some steps kept
    await first.kill();
    await using second = await start(setting);
    assert(second);
    const job = clientOf(second.url).job("travels", started);
    assertEquals((await job.poll()).status, "running");
    await sleep(1100); // the dead one's lease
    // The way to each step takes longer than a tick's slice, and yet it gets on.
    for (let tick = 0; tick < 10; tick++) await second.scheduled();
    const runtimes = await resultOf(job);
    assertEquals(runtimes, Array(6).fill("Cloudflare-Workers"));
  }));

Deno.test("a job is cancelled by another request, and leaves room for the next", () =>
  withKv(async (setting) => {
    await using worker = await start(setting);
    if (worker === undefined) return;
    const client = clientOf(worker.url);
    // More than run at once: whoever kept its room would stop the rest.
    for (let i = 0; i < 20; i++) {
      const job = await client.start("waits");
      await job.cancel();
      const state = await job.poll();
      assert(state.status === "cancelled");
      assertEquals(state.error.code, "job_cancelled");
    }
    const args = { naps: 1, pause_ms: 1 };
    const job = await client.start("travels", args);
    assertEquals(await job.result(), ["Cloudflare-Workers"]);
  }));

Deno.test("a Worker and a Deno process finish each other's jobs, over one KV", () =>
  withKv(async (setting) => {
    await using worker = await start(setting);
    if (worker === undefined) return;
    const file = new URL("job_process.ts", import.meta.url);
    await using process = await startProcess(setting.env, file);
    const atWorker = clientOf(worker.url);
    const atProcess = clientOf(process.url);

    const one = await atWorker.start("travels", { naps: 2 });
    for (let tick = 0; tick < 2; tick++) {
      await sleep(1200);
      await (await fetch(new URL("work", process.url))).body?.cancel();
    }
    assertEquals(await resultOf(one), ["Cloudflare-Workers", "Deno"]);

    const two = await atProcess.start("travels", { naps: 2 });
    for (let tick = 0; tick < 2; tick++) {
      await sleep(1200);
      await worker.scheduled();
    }
    assertEquals(await resultOf(two), ["Deno", "Cloudflare-Workers"]);
  }));

Deno.test("a nonce spent at a Worker is refused by a Deno process, and the other way", () =>
  withKv(async (setting) => {
    await using worker = await start(setting);
    if (worker === undefined) return;
    const file = new URL("job_process.ts", import.meta.url);
    await using process = await startProcess(setting.env, file);
    for (const [here, there] of [[worker, process], [process, worker]]) {
      let body = "";
      const client = clientOf(here.url, (sent) => body = sent);
      await client.call("batch_sum", { numbers: [1] });
      assertEquals(await refusal(there.url, body), [409, "replayed"]);
    }
  }));

Deno.test("the ready-made handle serves as a Worker, configured by its bindings", () =>
  withKv(async ({ env: { KV_URL } }) => {
    const env = {
      COUNTERSIGN_SERVER_ID: "ready-made",
      COUNTERSIGN_SERVER_SECRET: SECRET,
      COUNTERSIGN_CLIENTS: JSON.stringify({ "client-001": SECRET }),
      COUNTERSIGN_KV_URL: KV_URL,
      COUNTERSIGN_KV_TOKEN: KV_TOKEN,
    };
    const code = await bundle("ready_made.ts");
    await using worker = await startWorkerd({ code, env, date: DATE });
    if (worker === undefined) return;
    const client = createClient<{
      batch_sum: typeof batch_sum;
      start_long_task: typeof start_long_task;
    }>({
      url: worker.url,
      clientId: "client-001",
      secret: SECRET,
      serverId: "ready-made",
    });
    const sum = await client.call("batch_sum", { numbers: [0.1, 0.2] });
    assertEquals(sum, { count: 2, total: 0.1 + 0.2 });
    const payload = { a: 1 };
    const args = { seconds: 1, payload };
    const job = await client.start("start_long_task", args);
    assertEquals(await job.result(), payload);
    await worker.scheduled();
  }));

Deno.test("a Worker without KV or token says which variable to set", async () => {
  const code = await bundle("ready_made.ts");
  const env = {
    COUNTERSIGN_SERVER_ID: "ready-made",
    COUNTERSIGN_SERVER_SECRET: SECRET,
    COUNTERSIGN_CLIENTS: JSON.stringify({ "client-001": SECRET }),
  };
  const url = { COUNTERSIGN_KV_URL: "https://kv.example/" };
  const bad = {
    COUNTERSIGN_KV_URL: "http://kv.example/",
    COUNTERSIGN_KV_TOKEN: "t",
  };
  for (
    const [more, words] of [
      [{}, "Set COUNTERSIGN_KV_URL"],
      [{ COUNTERSIGN_KV_URL: "/data/kv.db" }, "Set COUNTERSIGN_KV_URL"],
      [url, "Set COUNTERSIGN_KV_TOKEN"],
      [bad, "Check COUNTERSIGN_KV_URL and COUNTERSIGN_KV_TOKEN: "],
    ] as [Record<string, string>, string][]
  ) {
    await using worker = await startWorkerd({
      code,
      env: { ...env, ...more },
      date: DATE,
    });
    if (worker === undefined) return;
    const client = createClient<{ batch_sum: typeof batch_sum }>({
      url: worker.url,
      clientId: "client-001",
      secret: SECRET,
      serverId: "ready-made",
      retries: 0,
    });
    const error = await assertRejects(
      () => client.call("batch_sum", { numbers: [1] }),
      CountersignError,
      words,
    );
    assertEquals(error.code, "not_configured");
  }
});

async function refusal(url: string, body: string): Promise<[number, string]> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body });
  const { error } = await response.json();
  return [response.status, String(error).split(":")[0]];
}
