/** Failures: whose they are, which are counted, and which are final. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  CountersignError,
  createServer,
  defineTool,
  type JobContext,
  type KvLike,
  type,
} from "../mod.ts";
import { pause } from "../src/waiting.ts";
import { clientOf } from "./support/clients.ts";
import { faultyKv } from "../src/testing/faulty_kv.ts";
import { PARTIES } from "./support/parties.ts";
import { withServer } from "./support/servers.ts";
import { gate, until } from "./support/until.ts";

const input = type({});
const drive = { jobs: { drive: true } };

function toolOf(
  run: (context: JobContext) => unknown,
  job: { attempts?: number; backoffMs?: number } = {},
) {
  return {
    job: defineTool({
      description: "Does what the test says",
      input,
      job: { backoffMs: 0, ...job },
      run: (_args, context) => run(context) as Promise<unknown>,
    }),
  };
}

Deno.test("attempts are counted from the last step that was newly kept", async () => {
  let failures = 0;
  const tools = toolOf(async ({ step }) => {
    for (let i = 0; i < 10; i++) {
      let isFirst = true;
      await step(`step ${i}`, () => {
        if (isFirst && failures++ % 2 === 0) throw new Error("flaky");
        isFirst = false;
      });
    }
    return "done";
  }, { attempts: 2 });
  await withServer(async ({ client }) => {
    assertEquals(await (await client.start("job")).result(), "done");
    assertEquals(failures, 20);
  }, { tools, ...drive });
});

Deno.test("a step has attempts and a time limit of its own", async () => {
  const tries: string[] = [];
  const tools = toolOf(async ({ step }) => {
    await step("flaky", { attempts: 3, backoffMs: 1 }, () => {
      tries.push("flaky");
      if (tries.length < 3) throw new Error("not yet");
    });
    const options = { attempts: 2, backoffMs: 1, timeoutMs: 20 };
    await step("slow", options, ({ signal }) => {
      tries.push("slow");
      return pause(5000, signal);
    });
  });
  await withServer(async ({ client, lines }) => {
    const job = await client.start("job");
    const error = await assertRejects(() => job.result(), CountersignError);
    assertEquals(error.message, 'Step "slow" took longer than 20 ms');
    assertEquals(tries, ["flaky", "flaky", "flaky", "slow", "slow"]);
    assertEquals(lines.length, 1); // the job's own attempts are not for it
  }, { tools, ...drive });
});

Deno.test("tries that are a while apart give the instance up, and are counted across restarts", async () => {
  const tries: number[] = [];
  const tools = toolOf(async ({ step }) => {
    const options = { attempts: 3, backoffMs: 1e9 };
    await step("flaky", options, () => {
      tries.push(1);
      throw new Error("not yet");
    });
  }, { attempts: 1 });
  await withServer(async ({ client, work, clock, lines, asleep }) => {
    const job = await client.start("job");
    for (let round = 1; round < 3; round++) {
      await asleep(job, 30_000); // longer than a lease
      assertEquals(tries.length, round);
      clock.forward(3 * 3_600_000);
      assertEquals((await work()).ran, 1);
    }
    await assertRejects(() => job.result(), CountersignError);
    assertEquals([tries.length, lines.length], [3, 1]);
  }, { tools });
});

Deno.test("what can never succeed is final at once, and names the place", async () => {
  let runs = 0;
  const date = { id: 1, at: new Date() } as never;
  const tools = {
    step: defineTool({
      description: "Keeps a date",
      input,
      job: true,
      run: (_args, { step }) => step("charge", () => (runs++, date)),
    }),
    result: defineTool({
      description: "Returns a date",
      input,
      job: true,
      run: () => (runs++, date),
    }),
    output: defineTool({
      description: "Breaks its word",
      input,
      output: type({ total: "number" }),
      job: true,
      run: () => (runs++, { total: "many" }) as never,
    }),
  };
  const expected = {
    step: 'Cannot keep step "charge": $.at is a Date',
    result: "Cannot keep the result: $.at is a Date",
    output: "The tool failed; its error is in the server's log",
  };
  await withServer(async ({ client, lines }) => {
    for (const [name, message] of Object.entries(expected)) {
      runs = 0;
      lines.length = 0;
      const job = await client.start(name as "step");
      const error = await assertRejects(() => job.result(), CountersignError);
      assertEquals([error.message, runs], [message, 1]);
      assertEquals(lines.map(({ level }) => level), ["error"]);
    }
    const { error } = lines[0].fields as { error: Error };
    assertStringIncludes(String(error.cause), "total must be a number");
  }, { tools, ...drive });
});

Deno.test("stop lets a step end and be kept, begins none after it, and costs no attempt", async () => {
  const seen: string[] = [];
  using entered = gate("the first step");
  const tools = toolOf(async ({ step }) => {
    await step("first", async ({ signal }) => {
      entered.open();
      seen.push("first");
      await pause(200, signal);
      seen.push("ended");
    });
    await step("second", () => void seen.push("second"));
    return "done";
  }, { attempts: 1 });
  await withServer(async ({ client, kv, stop }) => {
    const job = await client.start("job");
    await entered.opened();
    await stop();
    assertEquals(seen, ["first", "ended"]);
    const next = createServer({ ...PARTIES, tools, kv });
    const { job: jobOf } = clientOf(next.handle);
    assertEquals(await jobOf(job.id ?? "").result(), "done");
    assertEquals(seen, ["first", "ended", "second"]);
    await next.stop();
  }, { tools });
});

Deno.test("a job that is claimed while the server stops is not begun, and no attempt is counted", async () => {
  let runs = 0;
  using reading = gate("the read of its steps");
  using stopped = gate("the stop");
  let isArmed = false;
  const tools = toolOf(async ({ sleep, attempt }) => {
    runs++;
    await sleep(3_600_000);
    return attempt;
  }, { attempts: 1 });
  await withServer(async ({ client, work, stop, kv, asleep, clock }) => {
    const job = await client.start("job");
    await asleep(job, 3_000_000);
    clock.forward(3_700_000);
    isArmed = true;
    const working = work();
    await reading.opened();
    const stopping = stop();
    stopped.open();
    await Promise.all([working, stopping]);
    assertEquals(runs, 1);
    const next = createServer({ ...PARTIES, tools, kv, now: clock.now });
    const { job: jobOf } = clientOf(next.handle, { now: clock.now });
    assertEquals(await jobOf(job.id ?? "").result(), 1);
    await next.stop();
  }, {
    tools,
    store: (kv): KvLike => ({
      get: (key) => kv.get(key),
      getMany: (keys) => kv.getMany(keys),
      atomic: () => kv.atomic(),
      async *list(selector, options) {
        if (isArmed && "prefix" in selector && selector.prefix[2] === "step") {
          reading.open();
          await stopped.opened();
        }
        yield* kv.list(selector, options);
      },
    }),
  });
});

Deno.test("a store that is away for longer than two seconds loses no finished work", async () => {
  let away = false;
  const runs: string[] = [];
  const tools = toolOf(async ({ step }) => {
    await step("charge", async () => {
      runs.push("charge");
      away = true;
      setTimeout(() => away = false, 3500);
      await pause(10);
      return 1;
    });
    runs.push("end");
    return "done";
  }, { attempts: 1 });
  await withServer(async ({ client }) => {
    const job = await client.start("job");
    await until("the store's return", () => !away && runs.includes("end"));
    assertEquals(await job.result(), "done");
    assertEquals(runs, ["charge", "end"]);
  }, {
    tools,
    store: (kv) => faultyKv(kv, () => away ? "refuses" : undefined),
  });
});
