/** Steps, results and progress: what of a job is kept, and for how long. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { CountersignError, defineTool, type } from "../mod.ts";
import { SERVER_ID } from "./support/parties.ts";
import { withServer } from "./support/servers.ts";
import { until } from "./support/until.ts";

const input = type({});

Deno.test("steps that run side by side are all kept before a sleep gives way", async () => {
  const seen: string[] = [];
  const both = defineTool({
    description: "Works while it sleeps",
    input,
    job: true,
    run: async (_args, { sleep, step, kv }) => {
      const isAsleep = async () => {
        const prefix = ["countersign", SERVER_ID, "step"];
        const kept = await Array.fromAsync(kv?.list({ prefix }) ?? []);
        return kept.length > 0;
      };
      const [slow] = await Promise.all([
        step("slow", async () => {
          await until("the sleep beside it", isAsleep);
          seen.push("slow");
          return 7;
        }),
        sleep(60_000),
      ]);
      return slow;
    },
  });
  await withServer(async ({ client, work, clock, asleep }) => {
    const job = await client.start("both");
    await asleep(job, 50_000);
    clock.forward(61_000);
    await until("its time", async () => (await work()).ran === 1);
    assertEquals(await job.result(), 7);
    assertEquals(seen, ["slow"]);
  }, { tools: { both } });
});

Deno.test("a step's name is used once, and its value is JSON", async () => {
  const wrong = defineTool({
    description: "Misuses steps",
    input: type({ how: "string" }),
    job: { attempts: 1 },
    run: async ({ how }, { step }) => {
      if (how === "twice") await step("a", () => 1);
      if (how === "date") {
        await step("a", () => new Date() as unknown as string);
      }
      return await step(how === "name" ? "~x" : "a", () => 2);
    },
  });
  await withServer(async ({ client, lines }) => {
    const expected = {
      twice: 'Step "a" was asked for twice',
      date: "Cannot canonicalize a Date",
      name: 'Step name "~x" must have 1 to 256 characters',
    };
    for (const [how, says] of Object.entries(expected)) {
      lines.length = 0;
      const job = await client.start("wrong", { how });
      await assertRejects(() => job.result(), CountersignError);
      const { cause, message } = lines[0].fields.error as Error;
      assertStringIncludes(String(cause ?? message), says);
    }
  }, { tools: { wrong } });
});

Deno.test("a tool whose steps have changed since the job began ends in a clear error", async () => {
  let version = 1;
  let charged = 0;
  const changing = defineTool({
    description: "Is deployed anew while it runs",
    input: type({ change: "'renamed' | 'removed'" }),
    job: { attempts: 3, backoffMs: 0 },
    run: async ({ change }, { step }) => {
      if (version === 1 || change === "removed") {
        if (version === 1) await step("charge", () => ++charged);
      } else await step("charge the card", () => ++charged);
      if (version === 1) throw new Error("restart me");
      return "done";
    },
  });
  await withServer(async ({ client, work, lines }) => {
    for (const change of ["renamed", "removed"] as const) {
      version = 1;
      charged = 0;
      lines.length = 0;
      const job = await client.start("changing", { change });
      await until("its failure", () => lines.length > 0);
      version = 2;
      await work();
      const error = await assertRejects(() => job.result(), CountersignError);
      assert(error.message.includes("steps have changed"), error.message);
      assert(error.message.includes('"charge"'), error.message);
      assertEquals(charged, 1);
    }
  }, { tools: { changing } });
});

Deno.test("results, steps and arguments over 64 KiB are kept in pieces", async () => {
  const size = 300_000;
  const large = defineTool({
    description: "Handles much",
    input: type({ text: "string" }),
    job: { attempts: 2, backoffMs: 0 },
    run: async ({ text }, { step, attempt }) => {
      const doubled = await step("double", () => text + text);
      if (attempt === 1) throw new Error("once more, from the store");
      return doubled + doubled;
    },
  });
  await withServer(async ({ client, work, clock, stored, lines }) => {
    const text = "ü".repeat(size / 2);
    const job = await client.start("large", { text });
    await until("its failure", () => lines.length > 0);
    await work();
    const result = await job.result();
    assertEquals(result.length, 2 * size);
    assert(result === text.repeat(4));
    clock.forward(86_400_000 + 3_700_000);
    while ((await work()).removed > 0) { /* until nothing is left */ }
    await work();
    assertEquals(await stored(), []);
  }, { tools: { large } });
});

Deno.test("a value beyond maxValueBytes ends the job as too large", async () => {
  const large = defineTool({
    description: "Returns too much",
    input: type({ where: "'step' | 'result'" }),
    job: true,
    run: async ({ where }, { step }) => {
      if (where === "step") await step("big", () => "x".repeat(50_000));
      return "x".repeat(50_000);
    },
  });
  await withServer(async ({ client }) => {
    const result = await client.start("large", { where: "result" });
    const error = await assertRejects(() => result.result(), CountersignError);
    assertEquals(error.code, "result_too_large");
    const step = await client.start("large", { where: "step" });
    await assertRejects(() => step.result(), CountersignError, 'step "big"');
  }, { tools: { large }, maxValueBytes: 40_000 });
});

Deno.test("finished jobs stay readable for their time, then go with all they had", async () => {
  const stepper = defineTool({
    description: "Leaves steps behind",
    input,
    job: true,
    run: async (_args, { step }) => {
      for (let i = 0; i < 5; i++) await step(`step ${i}`, () => i);
      return "done";
    },
  });
  await withServer(async ({ client, work, clock, stored }) => {
    const job = await client.start("stepper");
    assertEquals(await job.result(), "done");
    clock.forward(59_000);
    assertEquals(await work(), { ran: 0, removed: 0 });
    assertEquals((await job.poll()).status, "done");
    clock.forward(2000);
    assertEquals(await work(), { ran: 0, removed: 1 });
    const error = await assertRejects(() => job.poll(), CountersignError);
    assertEquals(error.code, "job_not_found");
    assertEquals(await stored(), []);
  }, { tools: { stepper }, jobs: { retentionMs: 60_000 } });
});

Deno.test("progress is told in fractions of one, or not at all", async () => {
  const wrong = defineTool({
    description: "Tells too much progress",
    input,
    job: { attempts: 1 },
    run: (_args, { progress }) => {
      progress(100, "percent");
      return "done";
    },
  });
  await withServer(async ({ client, lines }) => {
    const job = await client.start("wrong");
    await assertRejects(() => job.result(), CountersignError);
    assertEquals(lines.length, 1);
  }, { tools: { wrong } });
});
