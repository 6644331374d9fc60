/** What works in every runtime: run unchanged in each, over KV Connect. */
import {
  batch_sum,
  type Client,
  CountersignError,
  createServer,
  defineTool,
  type Server,
  start_long_task,
  type,
} from "../../mod.ts";
import { connectKv } from "../../src/kv_connect/mod.ts";
import type { KvLike } from "../../src/kv/kv.ts";
import { kvContract } from "../../src/testing/kv_contract.ts";
import { cursorContract } from "../../src/testing/list_contract.ts";
import { clientOf } from "../support/clients.ts";
import { ask, mcpRequest } from "../support/mcp.ts";
import { PARTIES, SERVER_ID } from "../support/parties.ts";
import { signingClient } from "../support/signing_client.ts";
import { until } from "../support/until.ts";
import {
  assert,
  assertEquals,
  assertRejects,
} from "../../src/testing/expect.ts";
import { jobContract } from "../../src/testing/job_contract.ts";

/** What surrounds a run: where the KV is, and the platform's context. */
export interface Surroundings {
  readonly kvUrl: string;
  readonly kvToken: string;
  readonly platform?: unknown;
}

export type Case = (around: Surroundings) => Promise<void>;

const nothing = type({});

export const tools = {
  batch_sum,
  start_long_task,
  three_naps: defineTool({
    description: "Sleeps three times, longer than an instance waits",
    input: nothing,
    job: true,
    run: async (_args, { step, sleep }) => {
      const done: string[] = [];
      for (const name of ["a", "b", "c"]) {
        done.push(await step(name, () => name));
        await sleep(1100);
      }
      return done;
    },
  }),
  gives_much: defineTool({
    description: "A result of several chunks",
    input: type({ length: "number.integer" }),
    job: true,
    run: ({ length }) => "é".repeat(length),
  }),
  waits: defineTool({
    description: "Ends when it is cancelled",
    input: nothing,
    job: true,
    run: (_args, { signal }) =>
      new Promise<string>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  }),
  fails: defineTool({
    description: "Throws",
    input: nothing,
    run: (): string => {
      throw new Error("hunter2");
    },
  }),
};

/** At module scope, as users have it; it opens its KV when first asked. */
const server: Server = createServer((env) => ({
  ...PARTIES,
  tools,
  kv: () => kvOf(env as Surroundings),
  log: () => {},
}));
/** Needs no KV at all. */
const alone: Server = createServer({
  ...PARTIES,
  nonces: { store: "memory" },
  tools: { batch_sum },
});

function kvOf({ kvUrl, kvToken }: Surroundings): KvLike {
  return connectKv({ url: kvUrl, token: kvToken });
}

/** A client of the server in this process; it tells what it sends. */
function clientAt(
  around: Surroundings,
  send: (body: string) => void = () => {},
): Client<typeof tools> {
  return clientOf<typeof tools>(async (request) => {
    send(await request.clone().text());
    return await server.handle(request, around, around.platform);
  });
}

async function post(
  around: Surroundings,
  body: string,
  contentType = "application/json",
) {
  const response = await server.handle(
    new Request("http://localhost/", {
      method: "POST",
      headers: { "content-type": contentType },
      body,
    }),
    around,
    around.platform,
  );
  const { error } = await response.json();
  return [response.status, error === null ? null : String(error).split(":")[0]];
}

const own: Record<string, Case> = {
  async "a server says who it is"(around) {
    const identity = await clientAt(around).identity();
    assertEquals(identity.serverId, SERVER_ID);
    assert(/^[0-9a-f]{16}$/.test(identity.fingerprint));
    assertEquals(identity.capabilities.async, true);
    assertEquals(identity.capabilities.stateless, true);
  },

  async "numbers are added up, by a server without KV too"(around) {
    const numbers = [1, 2.5, -4, 1e21];
    const sum = { count: 4, total: 1e21 };
    assertEquals(await clientAt(around).call("batch_sum", { numbers }), sum);
    const client = clientOf<{ batch_sum: typeof batch_sum }>(alone.handle);
    assertEquals(await client.call("batch_sum", { numbers }), sum);
  },

  async "tools are listed with their JSON Schemas"(around) {
    const tools = await clientAt(around).tools();
    const sum = tools.find(({ name }) => name === "batch_sum");
    assertEquals(sum?.inputSchema.type, "object");
    assertEquals(sum?.inputSchema.additionalProperties, false);
  },

  async "schemas made and derived within a request check"() {
    await Promise.resolve();
    const made = type({ a: "number", "b?": "string", c: "'x' | 'y'" });
    const derived = made.pick("a", "c").array().or("null");
    assertEquals(derived([{ a: 1, c: "x" }]), [{ a: 1, c: "x" }]);
    assert(derived([{ a: 1, c: "z" }]) instanceof type.errors);
    assert(made({ a: 1, c: "x", d: 1 }) instanceof type.errors);
    const merged = made.merge({ d: "1 <= number.integer <= 5" });
    assert(merged({ a: 1, c: "x", d: 6 }) instanceof type.errors);
  },

  async "what is wrong is refused, by its code"(around) {
    let body = "";
    const client = clientAt(around, (sent) => body = sent);
    await client.call("batch_sum", { numbers: [1, 2, 3] });
    const changed = body.replace('"numbers":[1,2,3]', '"numbers":[1,2,4]');
    assert(changed !== body);
    const doubled = body.replace("{", '{"v":"mcp/0.1",');
    const stray = body.replace("{", '{"extra":1,');
    assertEquals(await post(around, body), [409, "replayed"]);
    assertEquals(await post(around, changed), [401, "unauthenticated"]);
    assertEquals(await post(around, doubled), [400, "malformed"]);
    assertEquals(await post(around, stray), [400, "malformed"]);
    assertEquals(await post(around, "{"), [400, "malformed"]);
    assertEquals(await post(around, body, "text/plain"), [
      415,
      "unsupported_media_type",
    ]);
    const large = JSON.stringify("x".repeat(1_100_000));
    assertEquals(await post(around, large), [413, "payload_too_large"]);
    const code = (call: Promise<unknown>) =>
      call.then(() => "none", (error) => {
        assert(error instanceof CountersignError);
        return error.code;
      });
    const call = client.call as unknown as (
      name: string,
      args?: unknown,
    ) => Promise<unknown>;
    assertEquals(await code(call("nothing")), "unknown_tool");
    assertEquals(
      await code(call("batch_sum", { numbers: [] })),
      "invalid_args",
    );
    assertEquals(await code(call("fails")), "tool_failed");
  },

  async "a page, a fact sheet and a health check are served"(around) {
    const get = (path: string, accept: string) =>
      server.handle(
        new Request(`http://localhost${path}`, { headers: { accept } }),
        around,
        around.platform,
      );
    const facts = await (await get("/", "*/*")).json();
    assertEquals(facts.server_id, SERVER_ID);
    assert((await (await get("/", "text/html")).text()).includes(SERVER_ID));
    const health = await get("/healthz", "*/*");
    assertEquals([health.status, await health.json()], [200, { status: "ok" }]);
  },

  async "an MCP client calls a tool, signed both ways"(around) {
    const handle = (request: Request) =>
      server.handle(request, around, around.platform);
    const said = await ask(
      signingClient(handle),
      mcpRequest("tools/call", {
        name: "batch_sum",
        arguments: { numbers: [1, 2, 3] },
      }),
    );
    assertEquals(said.status, 200);
    assertEquals(said.result?.structuredContent, { count: 3, total: 6 });
    const unsigned = await ask({ handle }, mcpRequest("tools/list"));
    assertEquals(unsigned.status, 401);
  },

  async "an MCP client that follows no tasks waits for a job in a stream"(
    around,
  ) {
    const said = await ask(
      signingClient((request) =>
        server.handle(request, around, around.platform)
      ),
      mcpRequest("tools/call", {
        name: "start_long_task",
        arguments: { seconds: 1, payload: { a: 1 } },
      }, { capabilities: {}, meta: { progressToken: "p" } }),
    );
    assertEquals(said.result?.structuredContent, { a: 1 });
  },

  async "a job starts once, and is polled until it is done"(around) {
    const client = clientAt(around);
    const requestId = crypto.randomUUID();
    const args = { seconds: 1, payload: { a: [1, "é"] } };
    const job = await client.start("start_long_task", args, { requestId });
    await client.start("start_long_task", args, { requestId });
    let started = 0; // Node 20 has no Array.fromAsync
    for await (const listed of client.jobs()) {
      if (listed.requestId === requestId) started++;
    }
    assertEquals(started, 1);
    assertEquals(await job.result(), { a: [1, "é"] });
  },

  async "a long sleep gives way, and work carries the job on"(around) {
    const client = clientAt(around);
    const job = await client.start("three_naps");
    const ended = await until("the end of its naps", async () => {
      await server.work({ env: around });
      const state = await job.poll();
      return state.status !== "running" && state;
    });
    assertEquals(ended, { status: "done", result: ["a", "b", "c"] });
  },

  async "a result of many chunks comes back whole"(around) {
    const length = 150_000;
    const job = await clientAt(around).start("gives_much", { length });
    assertEquals((await job.result() as string).length, length);
  },

  async "a running job is cancelled"(around) {
    const job = await clientAt(around).start("waits");
    assertEquals((await job.poll()).status, "running");
    await job.cancel();
    const state = await job.poll();
    assert(state.status === "cancelled");
    assertEquals(state.error.code, "job_cancelled");
  },

  async "a token that cannot be sent is not shown"({ kvUrl }) {
    await Promise.resolve();
    const error = await assertRejects(async () => {
      await connectKv({ url: kvUrl, token: "hunter2\n" }).get(["a"]);
    });
    assert(!String(error.stack).includes("hunter2"));
  },

  async "a wrong token is refused, and not shown"({ kvUrl }) {
    const kv = connectKv({ url: kvUrl, token: "hunter2" });
    const error = await assertRejects(() => kv.get(["a"]), Error, "HTTP 401");
    assert(!String(error.stack).includes("hunter2"));
  },

  async "a KV that cannot be reached is told as unavailable"(around) {
    const gone = createServer({
      ...PARTIES,
      tools: { batch_sum },
      kv: connectKv({ url: "http://127.0.0.1:1/", token: "token" }),
      log: () => {},
    });
    const client = clientOf<{ batch_sum: typeof batch_sum }>(
      (request) => gone.handle(request, around, around.platform),
      { retries: 0 },
    );
    const error = await assertRejects(
      () => client.call("batch_sum", { numbers: [1] }),
      CountersignError,
    );
    assertEquals((error as CountersignError).code, "unavailable");
  },
};

/** Every case there is, by name. */
export const cases: Record<string, Case> = {
  ...own,
  ...Object.fromEntries(
    Object.entries({ ...kvContract, ...cursorContract }).map((
      [name, check],
    ): [string, Case] => [
      `KV: ${name}`,
      (around) =>
        check(
          connectKv({ url: around.kvUrl, token: around.kvToken }),
          crypto.randomUUID(),
        ),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(jobContract).map(([name, check]): [string, Case] => [
      `Jobs: ${name}`,
      (around) => check(kvOf(around)),
    ]),
  ),
};
