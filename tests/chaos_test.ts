/**
 * Processes that share a KV file are killed at random while they work. Every
 * job that was accepted ends with the right result; `deno task chaos` does the
 * same for longer.
 */
import { assert, assertEquals } from "@std/assert";
import { createServer } from "../mod.ts";
import { clientOf } from "./support/clients.ts";
import { runningClock } from "../src/testing/clock.ts";
import { temporaryFolder } from "./support/folder.ts";
import { tools } from "./support/job_server.ts";
import { PARTIES, SERVER_ID } from "./support/parties.ts";
import { type Process, startProcess } from "./support/processes.ts";

const JOBS = Number(Deno.env.get("CHAOS_JOBS") ?? 200);
const PROCESSES = 3;
const STEPS = [1, 2, 3, 4, 5];
const DAY = 86_400_000;

Deno.test("whatever is killed, every accepted job ends once, with its result", async () => {
  await using folder = await temporaryFolder();
  const env = {
    COUNTERSIGN_KV_URL: folder.file("kv.db"),
    MARKS: folder.file("marks"),
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

  const client = clientOf<typeof tools>("http://any.process/", {
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
      return (await job.result()).total;
    }));
    assertEquals(results, numbers.map((number) => 15 * number));
  } finally {
    over = true;
    await killer;
    await Promise.all(processes.map((process) => process.kill("SIGTERM")));
  }
  assert(kills > 3, `only ${kills} processes were killed`);
  await checkMarks(env.MARKS);
  await checkStore(env.COUNTERSIGN_KV_URL);
  console.log(`${JOBS} jobs, ${kills} processes killed`);
});

/** Every step was done, and none again once it had been kept. */
async function checkMarks(path: string): Promise<void> {
  const marks = (await Deno.readTextFile(path)).trim().split("\n");
  const done = new Set<string>();
  const kept = new Set<string>();
  for (const mark of marks) {
    if (mark.endsWith(" stopped")) continue;
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
  const { now, forward } = runningClock();
  const server = createServer({
    ...PARTIES,
    tools,
    kv,
    now,
    jobs: { drive: false },
  });
  const client = clientOf<typeof tools>(server.handle, { now });
  const keys = async (kind: string) => {
    const prefix = ["countersign", SERVER_ID, kind];
    return await Array.fromAsync(kv.list({ prefix }), ({ key }) => key);
  };
  const jobs = await Array.fromAsync(client.jobs());
  assertEquals(jobs.length, JOBS);
  assertEquals(new Set(jobs.map(({ status }) => status)), new Set(["done"]));
  assertEquals(
    (await keys("gone")).map(([, , , at, id]) => [id, at].join(" ")).sort(),
    jobs.map(({ jobId, updatedAt }) =>
      [jobId, updatedAt.getTime() + DAY].join(" ")
    )
      .sort(),
  );
  assertEquals(await keys("due"), []);
  assertEquals(await keys("active"), []);

  forward(2 * DAY);
  assertEquals(await server.work({ limit: 10 * JOBS }), {
    ran: 0,
    removed: JOBS,
  });
  for await (const { key } of kv.list({ prefix: [] })) {
    assertEquals(key[2], "nonce");
  }
  await server.stop();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
