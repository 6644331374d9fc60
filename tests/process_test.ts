/** Jobs and real processes that die. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CountersignError, createClient } from "../mod.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "./support/envelopes.ts";
import type { tools } from "./support/job_server.ts";
import { startProcess } from "./support/servers.ts";

const JOB_SERVER = new URL("./support/job_server.ts", import.meta.url);

/** A folder with a KV file and a file of marks, shared by processes. */
async function withStore(
  use: (
    house: {
      start: (env?: Record<string, string>) => ReturnType<typeof startProcess>;
      marks: () => Promise<string[]>;
      connect: (
        url: string,
        retries?: number,
      ) => ReturnType<typeof createClient<typeof tools>>;
    },
  ) => Promise<void>,
) {
  const folder = await Deno.makeTempDir();
  const shared = {
    COUNTERSIGN_KV_URL: `${folder}/kv.db`,
    MARKS: `${folder}/marks`,
  };
  await Deno.writeTextFile(shared.MARKS, "");
  try {
    await use({
      start: (env) => startProcess({ ...shared, ...env }, JOB_SERVER),
      marks: async () =>
        (await Deno.readTextFile(shared.MARKS)).trim().split("\n")
          .filter((mark) => !mark.endsWith(" kept")),
      connect: (url, retries = 10) =>
        createClient<typeof tools>({
          url,
          clientId: CLIENT_ID,
          secret: SECRET,
          serverId: SERVER_ID,
          retries,
        }),
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function until(done: () => Promise<boolean>, what: string) {
  const deadline = Date.now() + 10_000;
  while (!await done()) {
    if (Date.now() > deadline) throw new Error(`Never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test("a job interrupted by kill -9 is finished by the next process", async () => {
  await withStore(async ({ start, marks, connect }) => {
    let requestId = "";
    {
      await using first = await start();
      const job = await connect(first.url)
        .start("five_steps", { number: 2, pause_ms: 150 });
      requestId = job.requestId;
      await until(async () => (await marks()).length >= 3, "the third step");
      await first.kill("SIGKILL");
    }
    await using second = await start();
    const job = connect(second.url).job("five_steps", { requestId });
    assertEquals(await job.result(), { total: 30 });
    const done = await marks();
    for (const kept of ["2 1", "2 2"]) {
      assertEquals(done.filter((mark) => mark === kept).length, 1);
    }
  });
});

Deno.test("a job that kills its process every time ends as an error", async () => {
  await withStore(async ({ start, marks, connect }) => {
    const requestId = "deadly-1";
    for (let deaths = 1; deaths <= 3; deaths++) {
      await using server = await start();
      // Only the first starts it, and its answer dies with the process.
      if (deaths === 1) {
        await connect(server.url, 0).start("deadly", {}, { requestId })
          .catch(() => {});
      }
      await until(
        async () => (await marks()).filter(Boolean).length >= deaths,
        "the process's end",
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
  await withStore(async ({ start, marks, connect }) => {
    const patient = { LEASE_MS: "60000" };
    let requestId = "";
    {
      await using first = await start(patient);
      const job = await connect(first.url)
        .start("five_steps", { number: 3, pause_ms: 150 });
      requestId = job.requestId;
      await until(async () => (await marks()).length >= 2, "the second step");
      const began = performance.now();
      await first.kill("SIGTERM");
      assert(performance.now() - began < 5000);
    }
    await using second = await start(patient);
    const began = performance.now();
    const job = connect(second.url).job("five_steps", { requestId });
    assertEquals(await job.result(), { total: 45 });
    assert(performance.now() - began < 10_000, "it waited for the lease's end");
  });
});

Deno.test("a worker suspended past its lease changes nothing when it comes back", async () => {
  await withStore(async ({ start, marks, connect }) => {
    await using first = await start();
    const job = await connect(first.url)
      .start("five_steps", { number: 5, pause_ms: 200 });
    await until(async () => (await marks()).length >= 2, "the second step");
    first.suspend();
    await using second = await start();
    const again = connect(second.url).job(job);
    assertEquals(await again.result(), { total: 75 });
    const before = await marks();
    first.resume();
    await new Promise((resolve) => setTimeout(resolve, 600));
    const after = await marks();
    // The step in hand may end; none is begun, and the outcome stands.
    assertEquals(after, before);
    assertEquals(await again.result(), { total: 75 });
    const jobs = await Array.fromAsync(connect(first.url).jobs());
    assertEquals(jobs.map(({ status }) => status), ["done"]);
  });
});
