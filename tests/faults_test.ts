/** A store that fails: no job is lost, none doubled. */
import { assert, assertEquals } from "@std/assert";
import { defineTool, type } from "../mod.ts";
import { spendInGroups, spendInKv } from "../src/kv/nonces.ts";
import { clientOf } from "./support/clients.ts";
import { request, signed } from "./support/envelopes.ts";
import {
  type Fault,
  type FaultPlan,
  faultyKv,
} from "../src/testing/faulty_kv.ts";
import { withServer } from "./support/servers.ts";

const FAULTS: Fault[] = ["refuses", "lands and fails", "is locked", "is slow"];

/** One job of three steps on a store that fails by plan; what became of it. */
async function runJob(plan: FaultPlan) {
  const done: number[] = [];
  const tools = {
    three_steps: defineTool({
      description: "Does three things",
      input: type({ text: "string" }),
      job: { attempts: 5, backoffMs: 0 },
      run: async ({ text }, { step }) => {
        for (let i = 1; i <= 3; i++) {
          await step(`step ${i}`, () => done.push(i));
        }
        return text.length;
      },
    }),
  };
  let result: number | undefined;
  const entries: Deno.KvEntry<unknown>[] = [];
  await withServer(async ({ handle, stop, stored }) => {
    const client = clientOf<typeof tools>(handle, { retries: 20 });
    const text = "x".repeat(100_000);
    result = await (await client.start("three_steps", { text })).result();
    await stop();
    entries.push(...await stored());
  }, {
    tools,
    store: (kv) => faultyKv(kv, plan),
    jobs: { leaseMs: 300 },
  });
  const count = (kind: string) =>
    entries.filter(({ key }) => key[2] === kind).length;
  const due = entries.filter(({ key }) =>
    key[2] === "due" && (key[3] as number) < Date.now() + 3_000_000
  );
  return {
    result,
    done: [...done],
    jobs: count("job"),
    active: count("active"),
    owner: count("owner"),
    due: due.length,
  };
}

const whole = {
  result: 100_000,
  done: [1, 2, 3],
  jobs: 1,
  active: 0,
  owner: 1,
  due: 0,
};

for (const fault of FAULTS) {
  Deno.test(`a job survives a store that ${fault} at any one operation`, async () => {
    let operations = 0;
    assertEquals(await runJob(() => (operations++, undefined)), whole);
    assert(operations >= 7);
    for (let at = 0; at < operations; at++) {
      let index = 0;
      const outcome = await runJob(() => index++ === at ? fault : undefined);
      assertEquals(outcome, whole, `operation ${at} of ${operations}`);
    }
  });
}

Deno.test("a job survives a store that fails every third time, in every way", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    let state = seed;
    const random = () => (state = state * 48271 % 2147483647) / 2147483647;
    const { done, ...outcome } = await runJob(() =>
      random() < 1 / 3 ? FAULTS[Math.floor(random() * 4)] : undefined
    );
    const { done: _, ...expected } = whole;
    assertEquals(outcome, expected, `seed ${seed}`);
    assertEquals(new Set(done), new Set([1, 2, 3]));
  }
});

Deno.test("a nonce is spent once by whoever got a doubtful answer", async () => {
  for (const fault of FAULTS) {
    for (const guard of [spendInKv, spendInGroups]) {
      using kv = await Deno.openKv(":memory:");
      let left = 2;
      const faulty = faultyKv(
        kv,
        (operation) => operation === "commit" && left-- > 0 ? fault : undefined,
      );
      const spend = guard(faulty, ["test"]);
      const nonces = Array.from({ length: 8 }, (_, i) => ({
        clientId: "c",
        value: `nonce-${i}`,
        expiresAt: Date.now() + 60_000,
      }));
      assertEquals(
        await Promise.all(nonces.map(spend)),
        Array(8).fill(true),
        fault,
      );
      left = 2;
      assertEquals(
        await Promise.all(nonces.map(spend)),
        Array(8).fill(false),
        fault,
      );
    }
  }
});

Deno.test("a store that stays away makes a call unavailable, and it may be sent again", async () => {
  let away = true;
  const tools = {
    job: defineTool({
      description: "A job",
      input: type({}),
      job: { waitMs: 1000 },
      run: () => "done",
    }),
  };
  await withServer(async ({ handle }) => {
    const body = signed({ tool: "job", args: {} });
    const response = await handle(request(body));
    const { error, status } = await response.json();
    assertEquals([response.status, status], [503, "error"]);
    assert(error.startsWith("unavailable: "));
    assertEquals(response.headers.get("retry-after"), "1");
    away = false;
    // Nothing was spent: the very same envelope is accepted now, and once.
    assertEquals((await handle(request(body))).status, 200);
    assertEquals((await handle(request(body))).status, 409);
  }, {
    tools,
    store: (kv) => faultyKv(kv, () => away ? "refuses" : undefined),
  });
});

Deno.test("a worker whose store is away for a whole lease stops, and the job goes on later", async () => {
  let away = false;
  const reasons: unknown[] = [];
  const tools = {
    patient: defineTool({
      description: "Waits until it is stopped, the first time",
      input: type({}),
      job: { backoffMs: 0 },
      run: async (_args, { attempt, signal, step }) => {
        await step("begin", () => attempt);
        if (attempt > 1) return "done";
        away = true;
        return await new Promise<string>((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason);
            away = false;
            reject(signal.reason);
          });
        });
      },
    }),
  };
  await withServer(async ({ handle }) => {
    const client = clientOf<typeof tools>(handle, { retries: 20 });
    const job = await client.start("patient");
    assertEquals(await job.result(), "done");
    assert(String(reasons[0]).includes("lease"), String(reasons[0]));
  }, {
    tools,
    store: (kv) => faultyKv(kv, () => away ? "refuses" : undefined),
    jobs: { leaseMs: 200 },
  });
});
