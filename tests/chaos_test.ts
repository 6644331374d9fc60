/**
 * Processes that share a KV file are killed at random while they work. Every
 * job that was accepted ends with the right result; `deno task chaos` does the
 * same for longer.
 */
import { assert, assertEquals } from "@std/assert";
import { createClient } from "../mod.ts";
import { kvJobStore } from "../src/job/kv_store.ts";
import { createWorker } from "../src/job/worker.ts";
import { createTiming } from "../src/timing.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "./support/envelopes.ts";
import type { tools } from "./support/job_server.ts";
import { type Process, startProcess } from "./support/servers.ts";

const JOBS = Number(Deno.env.get("CHAOS_JOBS") ?? 200);
const PROCESSES = 3;
const STEPS = [1, 2, 3, 4, 5];
const DAY = 86_400_000;

Deno.test("whatever is killed, every accepted job ends once, with its result", async () => {
  const folder = await Deno.makeTempDir();
  const env = {
    COUNTERSIGN_KV_URL: `${folder}/kv.db`,
    MARKS: `${folder}/marks`,
    LEASE_MS: "1000",
  };
  const file = new URL("./support/job_server.ts", import.meta.url);
  const processes: Process[] = [];
  for (let i = 0; i < PROCESSES; i++) {
    processes.push(await startProcess(env, file));
  }
  let kills = 0;
  let over = false;
  const killer = (async () => {
    while (!over) {
      await pause(100 + Math.random() * 500);
      const i = Math.floor(Math.random() * PROCESSES);
      await processes[i].kill("SIGKILL");
      kills++;
      processes[i] = await startProcess(env, file);
    }
  })();

  const client = createClient<typeof tools>({
    url: "http://any.process/",
    clientId: CLIENT_ID,
    secret: SECRET,
    serverId: SERVER_ID,
    retries: 50,
    fetch: async (request) => {
      const { url } = processes[Math.floor(Math.random() * PROCESSES)];
      return await fetch(new Request(url, request));
    },
  });
  try {
    const numbers = Array.from({ length: JOBS }, (_, i) => i + 1);
    const results = await Promise.all(numbers.map(async (number) => {
      await pause(Math.random() * 4000 * JOBS / 200);
      const job = await client.start("five_steps", { number, pause_ms: 40 });
      return await job.result();
    }));
    assertEquals(results, numbers.map((number) => ({ total: 15 * number })));
  } finally {
    over = true;
    await killer;
    await Promise.all(processes.map((process) => process.kill("SIGTERM")));
  }
  assert(kills > 3, `only ${kills} processes were killed`);
  await checkMarks(env.MARKS);
  await checkStore(env.COUNTERSIGN_KV_URL);
  await Deno.remove(folder, { recursive: true });
  console.log(`${JOBS} jobs, ${kills} processes killed`);
});

/** Every step was done, and none again once it had been kept. */
async function checkMarks(path: string): Promise<void> {
  const marks = (await Deno.readTextFile(path)).trim().split("\n");
  const done = new Set<string>();
  const kept = new Set<string>();
  for (const mark of marks) {
    const step = mark.replace(" kept", "");
    if (mark !== step) kept.add(step);
    else {
      assert(!kept.has(step), `step ${step} ran again though it was kept`);
      done.add(step);
    }
  }
  assertEquals(done.size, JOBS * STEPS.length);
  assertEquals(kept, done);
}

/** Each job is recorded once, and due for nothing but its removal. */
async function checkStore(path: string): Promise<void> {
  using kv = await Deno.openKv(path);
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const prefix = ["countersign", SERVER_ID];
  const store = kvJobStore(kv, {
    prefix,
    maxValueBytes: 1_000_000,
    timing: createTiming(now),
  });
  const { jobs } = await everyJob(store.list);
  assertEquals(jobs.length, JOBS);
  assertEquals(
    new Set(jobs.map(({ status }) => status)),
    new Set(["completed"]),
  );
  const due = await store.due(now() + 10 * DAY, 10 * JOBS);
  assertEquals(
    due.map(({ id, at }) => `${id} ${at}`).sort(),
    jobs.map(({ id, updatedAt }) => `${id} ${updatedAt + DAY}`).sort(),
  );
  assertEquals(await store.unfinished(CLIENT_ID, 1), 0);

  const worker = createWorker({
    tools: {},
    store,
    kv,
    leaseMs: 1000,
    retentionMs: DAY,
    concurrency: 10,
    log: () => {},
    timing: createTiming(now),
  });
  ahead = 2 * DAY;
  assertEquals(await worker.work({ env: undefined, limit: 10 * JOBS }), {
    ran: 0,
    removed: JOBS,
  });
  for await (const { key } of kv.list({ prefix: [] })) {
    assertEquals(key[2], "nonce");
  }

  async function everyJob(list: typeof store.list) {
    const jobs = [];
    let cursor: string | undefined;
    do {
      const page = await list(CLIENT_ID, { limit: 100, cursor });
      jobs.push(...page.jobs);
      cursor = page.cursor;
    } while (cursor);
    return { jobs };
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
