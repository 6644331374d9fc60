/** Ordinary code in jobs: side by side, caught, raced, nested, resumed. */
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { CountersignError, defineTool, type JobContext, type } from "../mod.ts";
import { pause } from "../src/waiting.ts";
import { type TestServer, withServer } from "./support/servers.ts";
import { until } from "./support/until.ts";

const input = type({});

/** A job of a tool that does what a test has it do. */
function toolOf(
  run: (context: JobContext) => unknown,
  job: { attempts?: number; backoffMs?: number } = {},
) {
  const options = { backoffMs: 0, ...job };
  return {
    job: defineTool({
      description: "Does what the test says",
      input,
      job: options,
      run: (_args, context) => run(context) as Promise<unknown>,
    }),
  };
}

type Jobs = ReturnType<typeof toolOf>;

/** Runs such a job on a server that drives itself. */
function withJob(
  tools: Jobs,
  use: (server: TestServer<Jobs>) => Promise<void>,
): Promise<void> {
  return withServer<Jobs>(use, { tools, jobs: { drive: true } });
}

Deno.test("a sleep, a question or a step within a step's body is refused at once, in a sentence", async () => {
  for (const what of ["sleep", "ask", "step"] as const) {
    await withJob(
      toolOf(async ({ step, sleep, ask }) => {
        await step("outer", async () => {
          await pause(5);
          if (what === "sleep") await sleep(3_600_000);
          if (what === "step") await step("inner", () => 1);
          if (what === "ask") {
            await ask("name", { message: "Who?", form: type({ a: "string" }) });
          }
        });
      }),
      async ({ client, lines }) => {
        const began = Date.now();
        const job = await client.start("job");
        const error = await assertRejects(() => job.result(), CountersignError);
        assertStringIncludes(error.message, 'within the body of step "outer"');
        assert(Date.now() - began < 2000);
        assertEquals(lines.length, 1);
      },
    );
  }
});

Deno.test("a failure that the tool went on from is kept: it is not tried again", async () => {
  const seen: string[] = [];
  let attempts = 0;
  await withJob(
    toolOf(async ({ step }) => {
      let paid = true;
      try {
        await step("charge card", () => {
          seen.push("charge");
          throw new Error("declined");
        });
      } catch (error) {
        assertEquals((error as Error).message, "declined");
        paid = false;
        await step("send invoice", () => void seen.push("invoice"));
      }
      if (++attempts < 3) throw new Error("restart me");
      return paid;
    }),
    async ({ client }) => {
      const job = await client.start("job");
      assertEquals(await job.result(), false);
      assertEquals([seen, attempts], [["charge", "invoice"], 3]);
    },
  );
});

Deno.test("a failure that was compensated and thrown up again ends the job at once", async () => {
  const seen: string[] = [];
  await withJob(
    toolOf(async ({ step }) => {
      try {
        await step("charge", () => {
          seen.push("charge");
          throw new Error("declined");
        });
      } catch (error) {
        await step("refund hotel", () => void seen.push("refund"));
        throw error;
      }
    }),
    async ({ client, lines }) => {
      const job = await client.start("job");
      await assertRejects(() => job.result(), CountersignError);
      assertEquals(seen, ["charge", "refund"]);
      assertEquals(lines.map(({ level }) => level), ["error"]);
    },
  );
});

Deno.test("sleeps side by side each wake on time", async () => {
  const woke: Record<string, number> = {};
  await withJob(
    toolOf(async ({ sleep, step }) => {
      const branch = async (name: string, ms: number) => {
        const began = await step(`begin ${name}`, () => Date.now());
        await sleep(ms);
        await step(`end ${name}`, () => {
          woke[name] = Date.now() - began - ms;
        });
      };
      await Promise.all([branch("b", 3000), branch("a", 1500)]);
      return "done";
    }),
    async ({ client }) => {
      assertEquals(await (await client.start("job")).result(), "done");
      for (const [name, late] of Object.entries(woke)) {
        assert(late >= -5 && late < 1000, `${name} woke ${late} ms late`);
      }
    },
  );
});

Deno.test("a race with a sleep is its time-out, and stays lost after a restart", async () => {
  const ran: string[] = [];
  let attempts = 0;
  await withJob(
    toolOf(async ({ sleep, step }) => {
      const winner = await Promise.race([
        step("slow", async () => {
          ran.push("slow");
          await pause(1800);
          return "slow";
        }),
        sleep(1200).then(() => "time-out"),
      ]);
      const told = await step("tell", async () => {
        await pause(1000); // meanwhile the slow one ends, and is kept
        return winner;
      });
      if (++attempts === 1) throw new Error("restart me");
      return [winner, told];
    }),
    async ({ client }) => {
      const began = Date.now();
      const result = await (await client.start("job")).result();
      assertEquals(result, ["time-out", "time-out"]);
      assertEquals([ran, attempts], [["slow"], 2]);
      assert(Date.now() - began < 4000);
    },
  );
});

Deno.test("a question beside a step that runs is posed at once, and answered while it does", async () => {
  await withJob(
    toolOf(async ({ ask, step }) => {
      const form = type({ name: "string" });
      const [answer] = await Promise.all([
        ask("who", { message: "Who?", form }),
        step("slow", () => pause(2500)),
      ]);
      return answer;
    }),
    async ({ client }) => {
      const job = await client.start("job");
      const began = Date.now();
      await until("the question", async () => {
        const state = await job.poll();
        return state.status === "running" && state.questions;
      });
      assert(Date.now() - began < 1500, "it was posed late");
      const content = { name: "Ada" };
      await job.answer("who", { action: "accept", content });
      assertEquals(await job.result(), { action: "accept", content });
    },
  );
});

Deno.test("nothing of an attempt goes on after it was suspended", async () => {
  const seen: string[] = [];
  await withJob(
    toolOf(async ({ sleep, step, signal }) => {
      const stopped = new Promise<void>((resolve) =>
        signal.addEventListener("abort", () => {
          seen.push("aborted");
          resolve();
        })
      );
      const zombie = (async () => {
        await stopped;
        await step("zombie", () => void seen.push("zombie"));
      })();
      await sleep(3_600_000);
      await zombie;
    }),
    async ({ client, asleep }) => {
      const job = await client.start("job");
      await asleep(job, 3_000_000);
      await pause(150);
      assertEquals(seen, ["aborted"]);
    },
  );
});

Deno.test("a rejection that is awaited later ends no process", async () => {
  await withJob(
    toolOf(async ({ step, sleep }) => {
      const a = step("a", () => {
        throw new Error("a failed");
      });
      const nap = sleep(NaN);
      await step("b", () => pause(20));
      await nap.catch(() => {});
      return await a.catch((error) => error.message);
    }),
    async ({ client }) => {
      assertEquals(await (await client.start("job")).result(), "a failed");
    },
  );
});

Deno.test("a thousand steps side by side are each kept once", async () => {
  let runs = 0;
  let attempts = 0;
  await withJob(
    toolOf(async ({ step }) => {
      const values = await Promise.all(
        Array.from({ length: 1000 }, (_, i) =>
          step(`${i}`, () => {
            runs++;
            return i;
          })),
      );
      if (++attempts === 1) throw new Error("restart me");
      return values.reduce((a, b) => a + b);
    }),
    async ({ client }) => {
      assertEquals(await (await client.start("job")).result(), 499_500);
      assertEquals([runs, attempts], [1000, 2]);
    },
  );
});

Deno.test("branches whose work between steps takes long are not taken for changed", async () => {
  let attempts = 0;
  await withJob(
    toolOf(async ({ step, sleep }) => {
      const branch = async (name: string) => {
        await step(`${name} 1`, () => 1);
        for (let i = 0; i < 4; i++) await sleep(900);
        await step(`${name} 2`, () => 2);
      };
      await Promise.all([branch("a"), branch("b")]);
      if (++attempts === 1) throw new Error("restart me");
      await step("last", () => 3);
      return "done";
    }),
    async ({ client }) => {
      assertEquals(await (await client.start("job")).result(), "done");
    },
  );
});

Deno.test("morphed arguments reach every attempt alike, and the same request id its job", async () => {
  const seen: unknown[] = [];
  let attempts = 0;
  const dated = defineTool({
    description: "Takes a date",
    input: type({ when: "string.date.parse" }),
    job: { backoffMs: 0 },
    run: ({ when }) => {
      seen.push(when instanceof Date && when.getTime());
      if (++attempts === 1) throw new Error("restart me");
      return "done";
    },
  });
  await withServer(async ({ client }) => {
    const when = "2030-01-01T00:00:00.000Z";
    const start = () => client.start("dated", { when }, { requestId: "one" });
    assertEquals(await (await start()).result(), "done");
    assertEquals(seen, [Date.UTC(2030, 0), Date.UTC(2030, 0)]);
    assertEquals(await (await start()).result(), "done");
    assertEquals(seen.length, 2);
  }, { tools: { dated }, jobs: { drive: true } });
});

Deno.test("progress told just before a sleep is not lost, and rounding is put right", async () => {
  await withJob(
    toolOf(async ({ progress, sleep }) => {
      progress(0 / 0, "nothing of nothing");
      progress(1.0000000000000002, `half an emoji: ${"😀".slice(0, 1)}`);
      await sleep(3_600_000);
    }),
    async ({ client, asleep }) => {
      const job = await client.start("job");
      await asleep(job, 3_000_000);
      const state = await job.poll();
      assert(state.status === "running");
      assertEquals(state.progress, 1);
      assertEquals(state.message, "half an emoji: \ufffd");
      const jobs = await Array.fromAsync(client.jobs());
      assertEquals(jobs.length, 1);
    },
  );
});

Deno.test("a question of any size and any text is kept and can be answered", async () => {
  const message = `${"long ".repeat(20_000)}${"😀".slice(0, 1)}`;
  await withJob(
    toolOf(async ({ ask }) => {
      const answer = await ask("who", {
        message,
        form: type({ name: "string" }),
      });
      return answer.action;
    }),
    async ({ client, stored }) => {
      const job = await client.start("job");
      const questions = await until("the question", async () => {
        const state = await job.poll();
        return state.status === "running" && state.questions;
      });
      const { who } = questions;
      assertEquals(who.message, message.toWellFormed());
      await job.answer("who", { action: "decline" });
      assertEquals(await job.result(), "decline");
      assert((await stored()).length > 0);
    },
  );
});
