import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { spendInMemory } from "../src/signing/nonce.ts";
import { spendInGroups, spendInKv } from "../src/kv/nonces.ts";
import { createServer, defineTool, type } from "../mod.ts";
import { countingKv } from "../src/testing/counting_kv.ts";
import { request, signed } from "./support/envelopes.ts";
import { temporaryFolder } from "./support/folder.ts";
import { PARTIES, SERVER_ID } from "./support/parties.ts";
import { startProcess } from "./support/processes.ts";
import { withServer } from "./support/servers.ts";
import { tools } from "./support/tools.ts";
import { until } from "./support/until.ts";

const PREFIX = ["test"];

function nonces(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    clientId: "c",
    value: `nonce-${i}`,
    expiresAt: Date.now() + 60_000,
  }));
}

Deno.test("of 64 concurrent sends of one envelope to two processes, one is accepted", async () => {
  await using folder = await temporaryFolder();
  const env = { COUNTERSIGN_KV_URL: folder.file("kv.db") };
  await using first = await startProcess(env);
  await using second = await startProcess(env);
  const calls = [
    { tool: "batch_sum", accepted: 200 },
    { tool: "start_long_task", args: { seconds: 1 }, accepted: 202 },
  ];
  for (const { accepted, ...call } of calls) {
    const body = signed(call);
    const statuses = await Promise.all(
      Array.from({ length: 64 }, async (_, i) => {
        const { url } = i % 2 ? first : second;
        const response = await fetch(new Request(url, request(body)));
        await response.body?.cancel();
        return response.status;
      }),
    );
    assertEquals(statuses.filter((status) => status === accepted).length, 1);
    assertEquals(statuses.filter((status) => status === 409).length, 63);
  }
});

Deno.test("nonces that arrive together are spent in few commits, each once", async () => {
  using kv = await Deno.openKv(":memory:");
  const counting = countingKv(kv);
  const spend = spendInGroups(counting, PREFIX);
  const fresh = await Promise.all(nonces(41).map(spend));
  assertEquals(fresh, Array(41).fill(true));
  assertEquals(counting.counts.commits, 5); // one alone, then four tens
  const again = await Promise.all([...nonces(41), ...nonces(41)].map(spend));
  assertEquals(again, Array(82).fill(false));
});

Deno.test("a spent nonce in a group does not take the others with it", async () => {
  using kv = await Deno.openKv(":memory:");
  const spend = spendInGroups(kv, PREFIX);
  const all = nonces(30);
  await spend(all[7]);
  const answers = await Promise.all([...all, all[3]].map(spend));
  const expected: boolean[] = all.map((_, i) => i !== 7);
  assertEquals(answers, [...expected, false]);
});

Deno.test("nonces of different clients never meet", async () => {
  using kv = await Deno.openKv(":memory:");
  for (
    const spend of [
      spendInKv(kv, PREFIX),
      spendInGroups(kv, ["other"]),
      spendInMemory(Date.now),
    ]
  ) {
    const [nonce] = nonces(1);
    assertEquals(await spend(nonce), true);
    assertEquals(await spend({ ...nonce, clientId: "d" }), true);
    assertEquals(await spend(nonce), false);
  }
});

Deno.test("a guard in memory forgets a nonce once its envelope is stale", async () => {
  using time = new FakeTime();
  const spend = spendInMemory(Date.now);
  const [nonce] = nonces(1);
  const later = { ...nonce, expiresAt: nonce.expiresAt + 1 };
  assertEquals(await spend(nonce), true);
  time.tick(60_000);
  assertEquals(await spend(later), false);
  time.tick(1);
  assertEquals(await spend(later), true);
});

Deno.test("a refused call spends nothing and changes nothing", async () => {
  await withServer(async ({ kv, post }) => {
    const refusals = [
      signed({ args: { numbers: [] } }),
      signed({ tool: "nothing" }),
      signed({ ts_ms: 1 }),
      signed({ tool: "start_long_task", args: { seconds: 0 } }),
      signed({}, "not-the-secret-of-client-001-though-as-long"),
    ];
    for (const body of refusals) {
      assertEquals((await post(body)).answer.ok, false);
    }
    const entries = await Array.fromAsync(kv.list({ prefix: [] }));
    assertEquals(entries, []);
  });
});

Deno.test("what is asked of a job that is not there spends no nonce", async () => {
  await withServer(async ({ post, kv }) => {
    const nonces = async () => {
      const selector = { prefix: ["countersign", SERVER_ID, "nonce"] };
      return (await Array.fromAsync(kv.list(selector))).length;
    };
    for (
      const [tool, args] of [
        ["cancel_job", { job_id: "0".repeat(32) }],
        ["cancel_job", { job_id: "x".repeat(128) }],
        ["cancel_job", { request_id: "never-sent" }],
        ["answer_job", { job_id: "0".repeat(32), answers: {} }],
      ] as const
    ) {
      const { status, answer } = await post(signed({ tool, args }));
      assertEquals([status, String(answer.error).split(":")[0]], [
        404,
        "job_not_found",
      ]);
      assertEquals(await nonces(), 0);
    }
  });
});

Deno.test("an answer that does not fit its question spends no nonce", async () => {
  const asks = defineTool({
    description: "Asks for a drink",
    input: type({}),
    job: { pollAfterMs: 10 },
    run: (_args, { ask }) =>
      ask("drink", { message: "What?", form: type({ drink: "string" }) }),
  });
  await withServer(async ({ client, post, kv }) => {
    const job = await client.start("asks");
    await until("the question", async () => {
      const state = await job.poll();
      return state.status === "running" && state.questions !== undefined;
    });
    const nonces = async () => {
      const selector = { prefix: ["countersign", SERVER_ID, "nonce"] };
      return (await Array.fromAsync(kv.list(selector))).length;
    };
    const before = await nonces();
    const content = { drink: 1 };
    const answers = { drink: { action: "accept", content } };
    const args = { job_id: job.id, answers };
    const { status } = await post(signed({ tool: "answer_job", args }));
    assertEquals([status, await nonces()], [422, before]);
    await job.answer("drink", { action: "decline" });
    assertEquals(await job.result(), { action: "decline" });
  }, { tools: { asks } });
});

Deno.test("reads spend no nonce, unless every call must", async () => {
  const read = signed({ tool: "server_identity", args: {} });
  await withServer(async ({ post }) => {
    assertEquals((await post(read)).status, 200);
    assertEquals((await post(read)).status, 200);
  });
  await withServer(async ({ post }) => {
    assertEquals((await post(read)).status, 200);
    assertEquals((await post(read)).status, 409);
  }, { nonces: { spend: "every-call" } });
});

Deno.test("a server without KV must say that it keeps nonces in memory", async () => {
  const options = { ...PARTIES, tools: { batch_sum: tools.batch_sum } };
  await assertRejects(
    async () => await createServer(options),
    TypeError,
    'nonces: { store: "memory" }',
  );
  await assertRejects(
    async () =>
      await createServer({ ...options, tools, nonces: { store: "memory" } }),
    TypeError,
    "is a job: give the server a kv",
  );
  const { handle } = createServer({ ...options, nonces: { store: "memory" } });
  const body = signed();
  assertEquals((await handle(request(body))).status, 200);
  assertEquals((await handle(request(body))).status, 409);
});
