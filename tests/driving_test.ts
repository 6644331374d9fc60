/** Who runs jobs: the instance by itself, a caller that waits, or a round of work. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  CountersignError,
  createClient,
  createServer,
  defineTool,
  type Server,
  type ServerOptions,
  type Tool,
  type Tools,
  type,
} from "../mod.ts";
import {
  CLIENT_ID,
  OTHER_ID,
  OTHER_SECRET,
  PARTIES,
  SECRET,
  SERVER_ID,
} from "./support/parties.ts";
import { until } from "./support/until.ts";
import { pause } from "../src/waiting.ts";

const PREFIX = ["countersign", SERVER_ID];
const input = type({});

/** Jobs of any name, with any arguments. */
type AnyJobs = Record<string, Tool<object, unknown, true>>;

interface House {
  readonly kv: Deno.Kv;
  readonly lines: string[];
  /** Starts one more instance. */
  start(options?: Partial<ServerOptions>): Server;
  /** A client of an instance. */
  client(
    server: Server,
    id?: typeof CLIENT_ID | typeof OTHER_ID,
    platform?: unknown,
  ): ReturnType<typeof createClient<AnyJobs>>;
}

/** Instances that share a store. */
async function withInstances(
  tools: Tools,
  use: (house: House) => Promise<void>,
) {
  using kv = await Deno.openKv(":memory:");
  const servers: Server[] = [];
  const lines: string[] = [];
  try {
    await use({
      kv,
      lines,
      start(options) {
        const server = createServer({
          ...PARTIES,
          tools,
          kv,
          log: (level, message) => lines.push(`${level}: ${message}`),
          ...options,
        });
        servers.push(server);
        return server;
      },
      client: (server, id = CLIENT_ID, platform) =>
        createClient<AnyJobs>({
          url: "http://localhost/",
          fetch: (request) => server.handle(request, undefined, platform),
          clientId: id,
          secret: id === CLIENT_ID ? SECRET : OTHER_SECRET,
          serverId: SERVER_ID,
        }),
    });
  } finally {
    await Promise.all(servers.map((server) => server.stop({ graceMs: 0 })));
  }
}

/** Tools that tell what they did. */
function tellingTools() {
  const done: string[] = [];
  let failures = 0;
  const tools = {
    quick: defineTool({
      description: "Is done in no time",
      input: type({ "name?": "string" }),
      job: { waitMs: 0 },
      run: ({ name = "quick" }) => void done.push(name),
    }),
    busy: defineTool({
      description: "Takes a while",
      input: type({ ms: "number", "name?": "string" }),
      job: true,
      run: async ({ ms, name = "busy" }, { signal }) => {
        await pause(ms, signal);
        done.push(name);
      },
    }),
    flaky: defineTool({
      description: "Fails once",
      input,
      job: { backoffMs: 50 },
      run: () => {
        if (failures++ === 0) throw new Error("not yet");
        done.push("flaky");
      },
    }),
    naps: defineTool({
      description: "Sleeps",
      input: type({ ms: "number" }),
      job: true,
      run: async ({ ms }, { sleep }) => {
        await sleep(ms);
        done.push("awake");
      },
    }),
  };
  return { tools, done };
}

Deno.test("an instance runs what it accepted though nobody polls, calls work or sends anything", async () => {
  const { tools, done } = tellingTools();
  await withInstances(tools, async ({ start, client }) => {
    const { start: begin } = client(start({ jobs: { concurrency: 2 } }));
    for (let i = 0; i < 6; i++) await begin("busy", { ms: 50 });
    await begin("flaky");
    const began = Date.now();
    await begin("naps", { ms: 1200 });
    await until("the end of all", () => done.length === 8);
    assertEquals(done.filter((name) => name === "busy").length, 6);
    assert(done.includes("flaky"));
    const late = Date.now() - began - 1200;
    assert(late >= 0 && late < 2000, `it woke ${late} ms late`);
  });
});

Deno.test("after a restart an instance finds what is overdue without any request", async () => {
  const { tools, done } = tellingTools();
  await withInstances(tools, async ({ start, client }) => {
    const first = start({ jobs: { drive: false, concurrency: 1 } });
    const { start: begin } = client(first);
    await begin("busy", { ms: 100 });
    await begin("quick");
    await begin("naps", { ms: 1100 });
    await first.stop({ graceMs: 0 });
    assertEquals(done, []);
    start();
    await until("the end of all", () => done.length === 3);
    assertEquals(new Set(done), new Set(["busy", "quick", "awake"]));
  });
});

Deno.test("`drive: false`, and a platform with waitUntil, leave jobs to work()", async () => {
  for (
    const [drive, platform] of [
      [false, undefined],
      [true, { waitUntil() {} }],
    ] as const
  ) {
    const { tools, done } = tellingTools();
    await withInstances(tools, async ({ start, client }) => {
      const server = start({ jobs: { drive } });
      const { start: begin } = client(server, CLIENT_ID, platform);
      await begin("naps", { ms: 1100 });
      await pause(1500);
      assertEquals(done, []);
      assertEquals((await server.work()).ran, 1);
      assertEquals(done, ["awake"]);
    });
  }
});

Deno.test("who waits gets its job's slot as soon as one is free", async () => {
  const { tools, done } = tellingTools();
  await withInstances(tools, async ({ start, client }) => {
    for (const drive of [true, false]) {
      done.length = 0;
      const server = start({ jobs: { drive, concurrency: 2 } });
      const mine = client(server);
      const other = client(server, OTHER_ID);
      await mine.start("busy", { ms: 300 });
      await mine.start("busy", { ms: 300 });
      const began = Date.now();
      const job = await other.start("quick", {});
      await job.result();
      const ms = Date.now() - began;
      assert(ms < 800, `it took ${ms} ms`);
      await server.stop();
    }
  });
});

Deno.test("one client's backlog does not hold up another's quick job", async () => {
  const { tools, done } = tellingTools();
  await withInstances(tools, async ({ start, client }) => {
    const server = start({ jobs: { concurrency: 2 } });
    const many = client(server);
    await Promise.all(
      Array.from({ length: 40 }, () => many.start("busy", { ms: 60 })),
    );
    await client(server, OTHER_ID).start("quick", { name: "other" });
    await until("the other client's job", () => done.includes("other"));
    assert(done.length < 12, `${done.length} jobs came before`);
  });
});

Deno.test("no more jobs of one client, or of one tool, run at once than they may", async () => {
  let most = 0;
  let now = 0;
  const run = async () => {
    most = Math.max(most, ++now);
    await pause(20);
    now--;
  };
  const limited = { description: "Is counted", input, run };
  const tools = {
    one: defineTool({ ...limited, job: { concurrency: 1 } }),
    any: defineTool({ ...limited, job: true }),
  };
  await withInstances(tools, async ({ start, client }) => {
    for (const [tool, limit] of [["one", 1], ["any", 3]] as const) {
      most = 0;
      const server = start({ jobs: { maxRunning: 3 } });
      const { start: begin } = client(server);
      const jobs = await Promise.all(
        Array.from({ length: 8 }, () => begin(tool)),
      );
      for (const job of jobs) await job.result();
      assertEquals(most, limit);
      await server.stop();
    }
  });
});

Deno.test("jobs to run come before finished ones to remove, however many", async () => {
  const { tools, done } = tellingTools();
  await withInstances(tools, async ({ start, client, kv }) => {
    let ahead = 0;
    const now = () => Date.now() + ahead;
    const server = start({ now, jobs: { drive: false, retentionMs: 1000 } });
    const { start: begin } = client(start({ jobs: { drive: false } }));
    await begin("naps", { ms: 60_000 });
    const nothing = new TextEncoder().encode("null");
    for (let i = 0; i < 300; i++) {
      await kv.set([...PREFIX, "gone", Date.now(), `gone-${i}`], nothing);
    }
    ahead = 61_000;
    const { ran } = await server.work({ limit: 50 });
    assertEquals([ran, done], [1, ["awake"]]);
    const left = async () =>
      (await Array.fromAsync(kv.list({ prefix: [...PREFIX, "gone"] }))).length;
    while (await left() > 1) await server.work();
  });
});

Deno.test("an unreadable job is logged, set aside, and stops nobody", async () => {
  const { tools, done } = tellingTools();
  await withInstances(tools, async ({ start, client, kv, lines }) => {
    const server = start({ jobs: { drive: false, concurrency: 1 } });
    const { start: begin } = client(server);
    await begin("naps", { ms: 1100 });
    await kv.set([...PREFIX, "job", "broken"], "not JSON bytes");
    await kv.set(
      [...PREFIX, "due", 0, "broken"],
      new TextEncoder().encode("null"),
    );
    await pause(1200);
    assertEquals((await server.work()).ran, 1);
    assertEquals(done, ["awake"]);
    const logged = () =>
      lines.filter((line) => line.includes("unreadable")).length;
    assertEquals(logged(), 1);
    await server.work();
    assertEquals(logged(), 1);
  });
});

Deno.test("a round of work ends with its budget, and does not wait for a long job", async () => {
  const { tools, done } = tellingTools();
  await withInstances(tools, async ({ start, client }) => {
    const server = start({ jobs: { drive: false, concurrency: 1 } });
    const other = start({ jobs: { drive: false, concurrency: 2 } });
    const { start: begin } = client(server);
    await begin("busy", { ms: 400, name: "first" }); // takes the only slot
    await begin("busy", { ms: 10_000, name: "long" });
    await begin("quick", { name: "a" });
    await begin("quick", { name: "b" });
    const began = Date.now();
    const { ran } = await other.work({ budgetMs: 500 });
    const ms = Date.now() - began;
    assert(ms >= 450 && ms < 900, `${ms} ms`);
    // The short ones ran one after the other, in the slot beside the long one.
    assertEquals([ran, done.filter((name) => name !== "first")], [
      3,
      ["a", "b"],
    ]);
  });
});

Deno.test("a job whose tool no instance has is left alone, and fails clearly after an hour", async () => {
  const { tools, done } = tellingTools();
  await withInstances(tools, async ({ start, client }) => {
    let ahead = 0;
    const now = () => Date.now() + ahead;
    const jobs = { drive: false };
    const { start: begin, job } = client(start({ jobs }));
    const { id = "" } = await begin("naps", { ms: 1000 + 200 });
    await pause(100);
    const old = start({ tools: { quick: tools.quick }, now, jobs });
    ahead = 60_000;
    assertEquals((await old.work()).ran, 0);
    ahead = 3_700_000;
    assertEquals((await old.work()).ran, 1);
    await assertRejects(
      () => job(id).result(),
      CountersignError,
      'No instance has had the job tool "naps" for an hour',
    );
    assertEquals(done, []);
  });
});
