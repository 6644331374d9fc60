/** The rows of SECURITY.md's table that clients answer, by their names. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectKv, KvConnectError } from "@countersign/mcp/kv-connect";
import { SignatureError, signedFetch } from "@countersign/mcp/signatures";
import {
  type ClientOptions,
  CountersignError,
  defineTool,
  type ErrorCode,
  type,
} from "../mod.ts";
import { signingProxy } from "../src/cli/signing_proxy.ts";
import type { Client, Fetch } from "../src/client/mod.ts";
import { packKey } from "../src/kv_connect/key.ts";
import { memoryRows } from "./kv_connect/memory_rows.ts";
import { writeSnapshotReadOutput } from "./kv_connect/messages.ts";
import { kvServer } from "./kv_connect/server.ts";
import { clientOf as clientFor } from "./support/clients.ts";
import { type Fields, responseKey, signatureOf } from "./support/envelopes.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "./support/parties.ts";
import { withServer } from "./support/servers.ts";
import { events, signedServer } from "./support/signed_server.ts";

function threat(name: string, test: () => Promise<void>): void {
  Deno.test(name, test);
}

/** A client that may name any tool. */
function clientOf(fetch: Fetch, options: Partial<ClientOptions> = {}): Client {
  return clientFor(fetch, options);
}

/** Answers a call, as the server would sign it or as anyone can write it. */
function answering(changes: Fields, isSigned = true): Fetch {
  return async (request) => {
    const { request_id } = await request.clone().json();
    const unsigned = {
      v: "mcp/0.1",
      request_id,
      ts_ms: Date.now(),
      ok: !changes.error,
      server_id: SERVER_ID,
      status: changes.error ? "error" : "ok",
      result: null,
      error: null,
      ...changes,
    };
    const key = responseKey();
    const signature = isSigned ? signatureOf(unsigned, key) : "";
    return Response.json({ ...unsigned, signature });
  };
}

async function codeOf(call: () => Promise<unknown>): Promise<ErrorCode> {
  return (await assertRejects(call, CountersignError)).code;
}

threat("One call is run twice by what somebody replays", async () => {
  let ran = 0;
  let refusals = 0;
  const pay = defineTool({
    description: "Pays",
    input: type({}),
    run: () => `paid ${++ran} times`,
  });
  await withServer(async ({ handle }) => {
    for (const requestId of [undefined, "chosen"]) {
      let refusal: Response | undefined;
      const sent: Request[] = [];
      const client = clientOf(async (request) => {
        sent.push(request.clone());
        const response = await handle(request);
        refusal ??= response;
        return refusal.clone();
      });
      [ran, refusals] = [0, 1];
      const call = () => client.call("pay", {}, { requestId });
      assertEquals(await codeOf(call), "unverified_answer");
      for (const request of sent) await handle(request.clone());
      assertEquals([sent.length, ran], [2, 1]);
    }
  }, {
    tools: { pay },
    rateLimit: () => refusals-- > 0 ? { retryAfterMs: 1 } : undefined,
  });
});

threat("An answer is given again to a call that has its id", async () => {
  let later = 0;
  const now = () => Date.now() + later;
  let kept: Response | undefined;
  await withServer(async ({ handle }) => {
    const keeping: Fetch = async (request) => {
      kept ??= await handle(request);
      return kept.clone();
    };
    const call = (client: Client, value: number) =>
      client.call("echo", { value }, { requestId: "chosen" });
    const client = clientOf(keeping, { now });
    assertEquals(await call(client, 1), { value: 1 });
    assertEquals(await codeOf(() => call(client, 2)), "unverified_answer");
    later = 301_000;
    const restarted = clientOf(keeping, { now, retries: 0 });
    assertEquals(await codeOf(() => call(restarted, 2)), "unverified_answer");
  }, { now });
});

threat("A client's clock is set by what somebody replays", async () => {
  let late = -3_600_000;
  await withServer(async ({ handle }) => {
    let stale: Response | undefined;
    const start = (client: Client) =>
      client.start("answers_now", { value: 1 }, { requestId: "chosen" });
    await start(clientOf(async (request) => {
      const response = await handle(request);
      stale ??= response.clone();
      return response;
    }));
    late = 0;
    const off: number[] = [];
    await start(clientOf(async (request) => {
      const { ts_ms, request_id }: Fields = await request.clone().json();
      off.push(Math.abs(Date.now() - Number(ts_ms)));
      const replayed = request_id === "chosen" ? stale : undefined;
      stale = undefined;
      return replayed ?? await handle(request);
    }));
    assert(off.length > 1 && off.every((ms) => ms < 60_000), `${off}`);
  }, { now: () => Date.now() + late });
});

threat("A job is ended by who is on the way", async () => {
  const job_id = "0".repeat(32);
  for (const code of ["not_found", "unavailable", "job_cancelled"]) {
    const refusal = { error: `${code}: It is over`, result: { job_id } };
    const client = clientOf(answering(refusal, false), { retries: 0 });
    const error = await assertRejects(
      () => client.job(job_id).poll(),
      CountersignError,
    );
    assertEquals([error.signed, error.jobId], [false, undefined]);
  }
  const ended = { error: "job_cancelled: It is over", result: { job_id } };
  const state = await clientOf(answering(ended)).job(job_id).poll();
  assert(state.status === "cancelled" && state.error.signed);
});

/** A response whose body has no end. */
function endless(): Response {
  const piece = new Uint8Array(65_536).fill(0x20);
  return new Response(
    new ReadableStream({
      pull: (controller) => controller.enqueue(piece.slice()),
    }),
  );
}

threat("An answer exhausts who asked", async () => {
  const client = clientOf(endless, { retries: 0, maxAnswerBytes: 100_000 });
  assertEquals(await codeOf(() => client.identity()), "unverified_answer");
  const kv = connectKv({ url: "https://kv/", token: "t", fetch: endless });
  await assertRejects(() => kv.get(["a"]), KvConnectError, "more than");
  const signed = { clientId: CLIENT_ID, secret: SECRET, serverId: SERVER_ID };
  const text = "x".repeat(2000);
  for (const answer of [() => new Response(text), () => events(text)]) {
    const fetch = signedFetch({
      ...signed,
      secret: "a client's secret of thirty-two bytes or more",
      maxAnswerBytes: 1000,
      fetch: signedServer(answer),
    });
    await assertRejects(
      async () => await (await fetch("https://mcp/")).text(),
      SignatureError,
      "too_large",
    );
  }
  const proxy = signingProxy({
    url: new URL("https://example.com/mcp"),
    fetch: signedFetch({ ...signed, fetch: endless }),
    limits: { limit: 100_000 },
  });
  const { body } = endless();
  const request = new Request("http://127.0.0.1/mcp", { method: "POST", body });
  assertEquals((await proxy(request)).status, 413);
});

threat("Two parsers read one answer differently", async () => {
  const answer = answering({ result: { list: [1] } });
  const call = (rewrite: (text: string) => string) =>
    clientOf(async (request) =>
      new Response(rewrite(await (await answer(request)).text()))
    ).call("any");
  const forms: ((text: string) => string)[] = [
    (text) => text.replace('"list":', '"list":[2],"list":'),
    (text) => text.replace('"list":', '"lis\\u0074":[2],"list":'),
    (text) => text.replace("[1]", "[1e400]"),
    (text) => text.replace("[1]", '["\\ud800"]'),
    (text) => text.replace("[1]", `${"[".repeat(99)}${"]".repeat(99)}`),
    (text) => `\ufeff${text}`,
  ];
  for (const form of forms) {
    assertEquals(await codeOf(() => call(form)), "unverified_answer");
  }
  const order = { createdAt: 0, name: 1 };
  const ordered = clientOf(async (request) => {
    const text = await (await answering({ result: order })(request)).text();
    const other = '"result":{"name":1,"createdAt":-0}';
    return new Response(text.replace(/"result":\{.*?\}/, other));
  });
  const result = await ordered.call("any");
  assertEquals(JSON.stringify(result), JSON.stringify(order));
  assert(Object.is(result.createdAt, 0));
});

threat("A client asks without a pause, as it was told", async () => {
  for (const poll_after_ms of [2 ** 31, 1e300, -1, "soon"]) {
    let polls = 0;
    const accepted = { job_id: "1", poll_after_ms };
    const accept = answering({ status: "accepted", result: accepted });
    const run = answering({ status: "running", result: {} });
    const client = clientOf(async (request) => {
      const { tool } = await request.clone().json();
      if (tool !== "poll_job") return await accept(request);
      polls++;
      return await run(request);
    }, { retries: 0 });
    const leaving = new AbortController();
    const start = () => client.start("any");
    if (poll_after_ms === "soon") {
      assertEquals(await codeOf(start), "unverified_answer");
      continue;
    }
    const job = await start();
    setTimeout(() => leaving.abort(), 200);
    await job.result({ signal: leaving.signal }).catch(() => {});
    assert(polls > 0 && polls < 20, `${polls} polls for ${poll_after_ms}`);
  }
});

threat("A KV Connect server answers about other keys", async () => {
  const rows = [{
    key: packKey(["z"]),
    value: new Uint8Array(1),
    encoding: 3,
    versionstamp: new Uint8Array(10),
  }];
  const server = kvServer({ rows: memoryRows(), token: "token" });
  const bytes = writeSnapshotReadOutput([rows]);
  server.befall("/data/snapshot_read", { bytes }, { bytes }, { bytes });
  const kv = connectKv({
    url: "https://kv/",
    token: "token",
    fetch: server.handle,
  });
  await assertRejects(
    () => kv.get(["a"]),
    KvConnectError,
    "a key that was not asked for",
  );
});
