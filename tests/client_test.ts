import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  CountersignError,
  createClient,
  defineTool,
  type ErrorCode,
  type,
} from "../mod.ts";
import type { Fetch, JobProgress } from "../src/client/mod.ts";
import { connectKv } from "../src/kv_connect/mod.ts";
import { signedFetch } from "../src/signatures/mod.ts";
import { clientOf } from "./support/clients.ts";
import { listen } from "./support/listen.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "./support/parties.ts";
import { startProcess } from "./support/processes.ts";
import { type TestServer, withServer } from "./support/servers.ts";
import { gate } from "./support/until.ts";

async function refuses(run: () => Promise<unknown>, code: ErrorCode) {
  const error = await assertRejects(run, CountersignError);
  assertEquals(error.code, code, error.message);
  return error;
}

/** A handle that answers with `answer` until it has been asked `times` times. */
function failing(
  { handle }: Pick<TestServer, "handle">,
  times: number,
  answer: (request: Request) => Response | Promise<Response>,
) {
  const bodies: Record<string, unknown>[] = [];
  return {
    bodies,
    handle: async (request: Request) => {
      bodies.push(await request.clone().json());
      return bodies.length <= times ? await answer(request) : handle(request);
    },
  };
}

Deno.test("a client calls, lists and identifies", async () => {
  await withServer(async ({ client }) => {
    const sum = await client.call("batch_sum", { numbers: [1, 2, 3] });
    assertEquals(sum, { count: 3, total: 6 });
    const identity = await client.identity();
    assertEquals(identity.serverId, SERVER_ID);
    assertEquals(identity.fingerprint.length, 16);
    const tools = await client.tools();
    const task = tools.find(({ name }) => name === "start_long_task");
    assertEquals(task?.job, true);
    assertEquals(task?.inputSchema.additionalProperties, false);
    assertEquals(task?.inputSchema.required, ["seconds"]);
  });
});

Deno.test("a client over real HTTP follows a job to its result", async () => {
  await using server = await startProcess({ COUNTERSIGN_KV_URL: ":memory:" });
  const client = clientOf(server.url);
  const job = await client.start("start_long_task", {
    seconds: 2,
    payload: { a: ["b"] },
  });
  const told: unknown[] = [];
  const result = await job.result({ onProgress: (told_) => told.push(told_) });
  assertEquals(result, { a: ["b"] });
  assert(told.length > 0);
  const again = await client.job(job).poll();
  assertEquals(again, { status: "done", result: { a: ["b"] } });
});

Deno.test("iterating over a job yields its progress and ends with it", async () => {
  using half = gate("the client's word that it saw half of the job");
  const tools = {
    halves: defineTool({
      description: "Does its second half once its first was seen",
      input: type({}),
      job: { attempts: 1, pollAfterMs: 10 },
      run: async (_args, { progress }) => {
        progress(0.5, "half way");
        await half.opened();
        return "done";
      },
    }),
  };
  await withServer(async ({ client }) => {
    const job = await client.start("halves");
    const told: JobProgress[] = [];
    for await (const progress of job) {
      told.push(progress);
      if (progress.progress === 0.5) half.open();
    }
    assert(told.every(({ status }) => status === "running"));
    assertEquals(told.at(-1)?.message, "half way");
    assertEquals(await job.result(), "done");
  }, { tools });
});

Deno.test("a cancelled job's result is job_cancelled; cancelling again does nothing", async () => {
  await withServer(async ({ client }) => {
    const job = await client.start("waits_forever");
    await job.cancel();
    await job.cancel();
    await refuses(() => job.result(), "job_cancelled");
    const state = await job.poll();
    assertEquals(state.status, "cancelled");
  });
});

Deno.test("refusals are thrown with code, issues and status", async () => {
  await withServer(async ({ client, handle }) => {
    const error = await refuses(
      () => client.call("batch_sum", { numbers: [] }),
      "invalid_args",
    );
    assertEquals(error.status, 422);
    assertEquals(error.issues[0].path, ["numbers"]);
    const stranger = clientOf(handle, { clientId: "nobody" });
    await refuses(() => stranger.identity(), "unauthenticated");
  });
});

Deno.test("an answer that was changed, moved, or not signed is unverified_answer", async () => {
  await withServer(async ({ handle }) => {
    const changed: ((text: string) => string)[] = [
      (text) => text.replace('"total":6', '"total":7'),
      (text) => text.replace(/"signature":"\w+"/, '"signature":""'),
      (text) => text.replace(/"signature":"\w/, '"signature":"'),
      (text) => text.replace('"ok":true', '"extra":1,"ok":true'),
      (text) => text.replace("mcp/0.1", "mcp/0.2"),
      () => "<h1>It works</h1>",
      () => "",
    ];
    for (const change of changed) {
      const client = clientOf(async (request) => {
        const response = await handle(request);
        return new Response(change(await response.text()), response);
      });
      await refuses(
        () => client.call("batch_sum", { numbers: [1, 2, 3] }),
        "unverified_answer",
      );
    }
  });
});

Deno.test("an answer to another request is unverified_answer", async () => {
  await withServer(async ({ handle }) => {
    let earlier: string | undefined;
    const client = clientOf(async (request) => {
      const response = await handle(request);
      earlier ??= await response.clone().text();
      return new Response(earlier, response);
    });
    await client.call("echo", { value: 1 });
    await refuses(() => client.call("echo", { value: 2 }), "unverified_answer");
  });
});

Deno.test("a job's start is sent again until it is accepted, and starts once", async () => {
  await withServer(async (server) => {
    const flaky = failing(server, 2, async (request) => {
      await server.handle(request); // it ran, and its answer is lost
      throw new TypeError("connection reset");
    });
    const client = clientOf(flaky.handle);
    const job = await client.start("answers_now", { value: 7 });
    assertEquals(await job.result(), { value: 7 });
    const [first, second, third] = flaky.bodies;
    assertEquals(first.request_id, third.request_id);
    assertEquals(new Set([first, second, third].map((b) => b.nonce)).size, 3);
    const jobs = await Array.fromAsync(client.jobs());
    assertEquals(jobs.length, 1);
  });
});

Deno.test("a call whose answer is lost is not sent again, unless it is replayable", async () => {
  await withServer(async (server) => {
    const lost = () => Promise.reject(new TypeError("connection reset"));
    const once = failing(server, 1, lost);
    await refuses(
      () => clientOf(once.handle).call("echo", { value: 1 }),
      "unreachable",
    );
    assertEquals(once.bodies.length, 1);
    const twice = failing(server, 1, lost);
    await clientOf(twice.handle)
      .call("echo", { value: 1 }, { replayable: true });
    assertEquals(twice.bodies.length, 2);
  });
});

Deno.test("a forged refusal does not make a client send a call twice", async () => {
  await withServer(async (server) => {
    for (const code of ["unavailable", "rate_limited"]) {
      const forged = failing(server, 1, () =>
        Response.json({
          v: "mcp/0.1",
          request_id: "",
          ts_ms: Date.now(),
          ok: false,
          server_id: SERVER_ID,
          status: "error",
          result: null,
          error: `${code}: Send it again`,
          signature: "",
        }, { status: 503 }));
      const client = clientOf(forged.handle);
      await assertRejects(
        () => client.call("echo", { value: 1 }),
        CountersignError,
      );
      assertEquals(forged.bodies.length, 1);
    }
  });
});

Deno.test("a call that the server surely did not run is sent again after retry-after", async () => {
  let waits = 2;
  await withServer(async ({ client }) => {
    const began = performance.now();
    const answer = await client.call("echo", { value: 1 });
    assertEquals(answer, { value: 1 });
    assertEquals(waits, 0);
    assert(performance.now() - began > 1900);
  }, {
    rateLimit() {
      if (waits-- > 0) return { retryAfterMs: 1000 };
      waits = 0;
    },
  });
});

Deno.test("a client with a wrong clock sets it once, by the server's signed time", async () => {
  await withServer(async (server) => {
    for (const off of [-3_600_000, 3_600_000]) {
      const counted = failing(server, 0, () => new Response());
      const client = clientOf(counted.handle, {
        now: () => Date.now() + off,
      });
      await client.call("echo", { value: 1 });
      await client.call("echo", { value: 2 });
      assertEquals(counted.bodies.length, 3);
    }
  });
});

Deno.test("a redirect is not followed with a signed call", async () => {
  let followed = false;
  await using elsewhere = listen(
    () => (followed = true, new Response("{}")),
  );
  await using server = listen(() => Response.redirect(elsewhere.url, 307));
  const client = clientOf(server.url, { retries: 0 });
  await refuses(() => client.identity(), "unverified_answer");
  assertEquals(followed, false);
});

Deno.test("a call can be broken off, and times out by itself", async () => {
  const never: Fetch = ({ signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  const controller = new AbortController();
  const call = clientOf(never).call("echo", {}, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => call, Error, "enough");
  const error = await refuses(
    () => clientOf(never, { timeoutMs: 20 }).call("echo", {}),
    "unreachable",
  );
  assert(error.message.includes("20 ms"));
});

Deno.test("a short secret is refused, unless that is asked for", async () => {
  const short = { secret: "short" };
  await assertRejects(
    async () => await clientOf(() => new Response(), short),
    RangeError,
    "5 bytes",
  );
  clientOf(() => new Response(), { ...short, allowShortSecrets: true });
});

Deno.test("a server's handle is given as fetch, with a url or without", async () => {
  await withServer(async ({ handle }) => {
    const urls: string[] = [];
    const fetch = (request: Request) => {
      urls.push(request.url);
      return handle(request);
    };
    await clientOf(fetch).identity();
    await clientOf(handle, { fetch, url: "https://example.com/" }).identity();
    assertEquals(urls, ["http://localhost/", "https://example.com/"]);
  });
});

Deno.test("a client without url and fetch, or with the old handle, is refused", () => {
  const options = { clientId: CLIENT_ID, secret: SECRET, serverId: SERVER_ID };
  assertThrows(() => createClient(options), TypeError, "url, or a fetch");
  const old = { ...options, url: "http://localhost/", handle: () => {} };
  const message = 'createClient takes no "handle": give it as "fetch"';
  const error = assertThrows(() => createClient(old), TypeError);
  assertEquals((error as Error).message, message);
});

Deno.test("one type of fetch fits wherever one is taken", async () => {
  const asked: string[] = [];
  const fetch: Fetch = ({ url }) => {
    asked.push(new URL(url).host);
    return new Response(null, { status: 503 }); // at once, as no network does
  };
  const ids = { clientId: CLIENT_ID, serverId: SERVER_ID };
  const signed = { ...ids, secret: SECRET, fetch };
  const client = createClient({ ...signed, retries: 0 });
  await assertRejects(() => client.identity(), Error);
  assertEquals(
    (await signedFetch({ ...signed, serverId: SERVER_ID })("http://mcp/"))
      .status,
    503,
  );
  const kv = connectKv({ url: "https://kv/", token: "token", fetch });
  await assertRejects(() => kv.atomic().commit(), Error);
  assertEquals([...new Set(asked)], ["localhost", "mcp", "kv"]);
});

Deno.test("names, arguments and results are typed", () => {
  // Checked by the compiler alone: nothing here is run.
  async function typed() {
    const client = clientOf(() => new Response());
    const { total } = await client.call("batch_sum", { numbers: [1] });
    total satisfies number;
    const job = await client.start("start_long_task", { seconds: 1 });
    (await job.result()) satisfies object;
    // @ts-expect-error -- no tool has this name
    await client.call("batch_sun", { numbers: [1] });
    // @ts-expect-error -- wrong arguments
    await client.call("batch_sum", { numbers: ["1"] });
    // @ts-expect-error -- arguments are missing
    await client.call("batch_sum");
    // @ts-expect-error -- the result has no such field
    (await client.call("batch_sum", { numbers: [1] })).sum;
    // @ts-expect-error -- a job is started, not called
    await client.call("start_long_task", { seconds: 1 });
    // @ts-expect-error -- a tool that answers at once is called, not started
    await client.start("batch_sum", { numbers: [1] });
    // @ts-expect-error -- an option that is none
    await client.call("batch_sum", { numbers: [1] }, { retry: true });
  }
  assertEquals(typeof typed, "function");
});
