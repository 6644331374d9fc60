/** Jobs in the real runtime of Workers: over HTTP, with KV in another process. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Client, CountersignError } from "@countersign/mcp/client";
import { type KvServer, serveKv } from "../kv_connect/server.ts";
import { clientOf } from "../support/clients.ts";
import type { Listening } from "../support/listen.ts";
import { PARTIES } from "../support/parties.ts";
import { startProcess } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { bundle } from "./bundle.ts";
import type { tools } from "./job_server.ts";
import { startWorkerd, WORKERD, type Workerd } from "./workerd.ts";

const KV_TOKEN = "an-access-token";
const DATE = "2026-10-23";

/** A KV behind a server, for Workers and processes. */
type Kvs = KvServer & Listening;

/** A test that needs the runtime. */
function workerTest(name: string, use: (kvs: Kvs) => Promise<void>): void {
  Deno.test({
    name,
    ignore: WORKERD === undefined,
    async fn() {
      await using kvs = serveKv({ token: KV_TOKEN });
      await use(kvs);
    },
  });
}

const envOf = ({ url }: Kvs) => ({ KV_URL: url, KV_TOKEN });

let code: Promise<string> | undefined;

/** Starts the Worker; one bundle of it does for all tests. */
async function start(kvs: Kvs): Promise<Workerd> {
  code ??= bundle("job_worker.ts");
  return await startWorkerd({ code: await code, env: envOf(kvs), date: DATE });
}

/** A client that tells what it sends, and sends it once. */
function clientAt(
  url: string,
  send?: (body: string) => void,
): Client<typeof tools> {
  return clientOf<typeof tools>(url, {
    retries: 0,
    fetch: async (request) => {
      send?.(await request.clone().text());
      return await fetch(request);
    },
  });
}

/** The result of a job that `tick` alone carries on, as no list of jobs does. */
async function resultBy(
  tick: () => Promise<unknown>,
  client: Client<typeof tools>,
  { requestId }: { requestId: string },
): Promise<string[]> {
  await until("the job's end", async () => {
    await tick();
    const ended = await Array.fromAsync(client.jobs({ status: "done" }));
    return ended.some((job) => job.requestId === requestId);
  });
  return await client.job<string[]>({ requestId }).result();
}

workerTest("a Worker says who it is, adds up, and refuses", async (kvs) => {
  await using worker = await start(kvs);
  let body = "";
  const client = clientAt(worker.url, (sent) => body = sent);
  assertEquals(
    (await client.identity()).serverId,
    PARTIES.serverId,
  );
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
});

workerTest(
  "a job on Workers runs in slices, over several ticks of the cron",
  async (kvs) => {
    await using worker = await start(kvs);
    const client = clientAt(worker.url);
    const job = await client.start("slices");
    const steps = await resultBy(worker.scheduled, client, job);
    assertEquals(steps.length, 10);
    // Each attempt went on where the one before it had left off.
    const attempts = [...new Set(steps)];
    assert(attempts.length >= 3, `${attempts.length} attempts`);
    const inOrder = attempts.flatMap((attempt) =>
      steps.filter((by) => by === attempt)
    );
    assertEquals(steps, inOrder);
  },
);

workerTest("a poll alone carries a job on, on Workers", async (kvs) => {
  await using worker = await start(kvs);
  const job = await clientAt(worker.url).start("travels", { naps: 2 });
  const runtime = "Cloudflare-Workers";
  assertEquals(await job.result(), [runtime, runtime]);
});

workerTest(
  "a Worker that is stopped in the middle loses nothing",
  async (kvs) => {
    await using first = await start(kvs);
    const args = { naps: 6, pause_ms: 310 };
    const job = await clientAt(first.url).start("travels", args);
    const steps = () =>
      kvs.paths.filter((path) => path.endsWith("write")).length;
    await until("some steps of it", () => steps() >= 4);
    await first.kill();
    await using second = await start(kvs);
    const client = clientAt(second.url);
    assertEquals((await client.job(job).poll()).status, "running");
    // The way to each step takes longer than a tick's slice, and yet it gets on.
    const runtimes = await resultBy(second.scheduled, client, job);
    assertEquals(runtimes, Array(6).fill("Cloudflare-Workers"));
  },
);

workerTest(
  "a job is cancelled by another request, and leaves room for the next",
  async (kvs) => {
    await using worker = await start(kvs);
    const client = clientAt(worker.url);
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
  },
);

workerTest(
  "a Worker and a Deno process finish each other's jobs, over one KV",
  async (kvs) => {
    await using worker = await start(kvs);
    const file = new URL("job_process.ts", import.meta.url);
    await using process = await startProcess(envOf(kvs), file);
    const atWorker = clientAt(worker.url);
    const atProcess = clientAt(process.url);
    const work = async () =>
      void await (await fetch(new URL("work", process.url))).body?.cancel();
    const one = await atWorker.start("travels", { naps: 2 });
    assertEquals(await resultBy(work, atWorker, one), [
      "Cloudflare-Workers",
      "Deno",
    ]);
    const two = await atProcess.start("travels", { naps: 2 });
    assertEquals(await resultBy(worker.scheduled, atProcess, two), [
      "Deno",
      "Cloudflare-Workers",
    ]);
  },
);

workerTest(
  "a nonce spent at a Worker is refused by a Deno process, and the other way",
  async (kvs) => {
    await using worker = await start(kvs);
    const file = new URL("job_process.ts", import.meta.url);
    await using process = await startProcess(envOf(kvs), file);
    for (const [here, there] of [[worker, process], [process, worker]]) {
      let body = "";
      const client = clientAt(here.url, (sent) => body = sent);
      await client.call("batch_sum", { numbers: [1] });
      assertEquals(await refusal(there.url, body), [409, "replayed"]);
    }
  },
);

/** What the ready-made server is told of itself. */
const READY_MADE = {
  COUNTERSIGN_SERVER_ID: PARTIES.serverId,
  COUNTERSIGN_SERVER_SECRET: PARTIES.serverSecret,
  COUNTERSIGN_CLIENTS: JSON.stringify(PARTIES.clients),
};

workerTest(
  "the ready-made handle serves as a Worker, configured by its bindings",
  async ({ url }) => {
    const code = await bundle("ready_made.ts");
    const env = {
      ...READY_MADE,
      COUNTERSIGN_KV_URL: url,
      COUNTERSIGN_KV_TOKEN: KV_TOKEN,
    };
    await using worker = await startWorkerd({ code, env, date: DATE });
    const client = clientOf(worker.url);
    const sum = await client.call("batch_sum", { numbers: [0.1, 0.2] });
    assertEquals(sum, { count: 2, total: 0.1 + 0.2 });
    const payload = { a: 1 };
    const args = { seconds: 1, payload };
    const job = await client.start("start_long_task", args);
    assertEquals(await job.result(), payload);
    await worker.scheduled();
  },
);

workerTest(
  "a Worker without KV or token says which variable to set",
  async () => {
    const code = await bundle("ready_made.ts");
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
      const env = { ...READY_MADE, ...more };
      await using worker = await startWorkerd({ code, env, date: DATE });
      const client = clientOf(worker.url, { retries: 0 });
      const error = await assertRejects(
        () => client.call("batch_sum", { numbers: [1] }),
        CountersignError,
        words,
      );
      assertEquals(error.code, "not_configured");
    }
  },
);

async function refusal(url: string, body: string): Promise<[number, string]> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body });
  const { error } = await response.json();
  return [response.status, String(error).split(":")[0]];
}
