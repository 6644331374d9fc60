/** Jobs and real processes that die. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Client, CountersignError } from "../mod.ts";
import { clientOf } from "./support/clients.ts";
import { temporaryFolder } from "./support/folder.ts";
import type { tools } from "./support/job_server.ts";
import { type Process, startProcess } from "./support/processes.ts";
import { until } from "./support/until.ts";

const JOB_SERVER = new URL("./support/job_server.ts", import.meta.url);

/** Processes that share a KV file, and a file of marks. */
interface Processes {
  start(env?: Record<string, string>): Promise<Process>;
  /** What was done, but for what was kept of it. */
  marks(): Promise<string[]>;
  connect(url: string, retries?: number): Client<typeof tools>;
}

async function withProcesses(use: (processes: Processes) => Promise<void>) {
  await using folder = await temporaryFolder();
  const shared = {
    COUNTERSIGN_KV_URL: folder.file("kv.db"),
    MARKS: folder.file("marks"),
  };
  await Deno.writeTextFile(shared.MARKS, "");
  await use({
    start: (env) => startProcess({ ...shared, ...env }, JOB_SERVER),
    marks: async () =>
      (await Deno.readTextFile(shared.MARKS)).split("\n")
        .filter((mark) => mark !== "" && !mark.endsWith(" kept")),
    connect: (url, retries = 10) => clientOf<typeof tools>(url, { retries }),
  });
}

Deno.test("a job interrupted by kill -9 is finished by the next process", async () => {
  await withProcesses(async ({ start, marks, connect }) => {
    let requestId = "";
    {
      await using first = await start();
      const job = await connect(first.url)
        .start("five_steps", { number: 2, pause_ms: 150 });
      requestId = job.requestId;
      await until("the third step", async () => (await marks()).length >= 3);
      await first.kill("SIGKILL");
    }
    await using second = await start();
    const job = connect(second.url).job("five_steps", { requestId });
    assertEquals(await job.result(), { total: 30, attempt: 2 });
    const done = await marks();
    for (const kept of ["2 1", "2 2"]) {
      assertEquals(done.filter((mark) => mark === kept).length, 1);
    }
  });
});

Deno.test("a job that kills its process every time ends as an error", async () => {
  await withProcesses(async ({ start, marks, connect }) => {
    const requestId = "deadly-1";
    for (let deaths = 1; deaths <= 3; deaths++) {
      await using server = await start();
      // Only the first starts it, and its answer dies with the process.
      if (deaths === 1) {
        await connect(server.url, 0).start("deadly", {}, { requestId })
          .catch(() => {});
      }
      await until(
        "the process's end",
        async () => (await marks()).length >= deaths,
      );
    }
    await using last = await start();
    const job = await connect(last.url)
      .start("deadly", {}, { requestId });
    const error = await assertRejects(() => job.result(), CountersignError);
    assertEquals(error.message, "Every attempt was cut short");
    assertEquals(await marks(), ["deadly", "deadly", "deadly"]);
  });
});

Deno.test("SIGTERM gives leases back: the next process goes on at once, without blame", async () => {
  await withProcesses(async ({ start, marks, connect }) => {
    const patient = { LEASE_MS: "60000" };
    let requestId = "";
    {
      await using first = await start(patient);
      const job = await connect(first.url)
        .start("five_steps", { number: 3, pause_ms: 150 });
      requestId = job.requestId;
      await until("the second step", async () => (await marks()).length >= 2);
      const began = performance.now();
      await first.kill("SIGTERM");
      assert(performance.now() - began < 5000);
    }
    await using second = await start(patient);
    const began = performance.now();
    const job = connect(second.url).job("five_steps", { requestId });
    assertEquals(await job.result(), { total: 45, attempt: 1 });
    assert(performance.now() - began < 10_000, "it waited for the lease's end");
  });
});

Deno.test("a worker suspended past its lease changes nothing when it comes back", async () => {
  await withProcesses(async ({ start, marks, connect }) => {
    await using first = await start();
    const job = await connect(first.url)
      .start("five_steps", { number: 5, pause_ms: 200 });
    await until("the second step", async () => (await marks()).length >= 2);
    first.suspend();
    await using second = await start();
    const again = connect(second.url).job(job);
    const done = { total: 75, attempt: 2 };
    assertEquals(await again.result(), done);
    const before = await marks();
    first.resume();
    await until("its end", async () => (await marks()).includes("5 stopped"));
    const jobs = await Array.fromAsync(connect(first.url).jobs());
    assertEquals(jobs.map(({ status }) => status), ["done"]);
    // The step in hand may end; none is begun, and the outcome stands.
    assertEquals(await marks(), [...before, "5 stopped"]);
    assertEquals(await again.result(), done);
  });
});
