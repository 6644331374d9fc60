/** What a client makes of responses that are hostile, malformed, or too much. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ClientOptions, CountersignError } from "../mod.ts";
import type { Client, Fetch } from "../src/client/mod.ts";
import { clientOf as anyClientOf } from "./support/clients.ts";
import {
  canonical,
  type Fields,
  responseKey,
  signatureOf,
} from "./support/envelopes.ts";
import { SERVER_ID } from "./support/parties.ts";
import { until } from "./support/until.ts";

/** A client that tries once. */
function clientOf(fetch: Fetch, options: Partial<ClientOptions> = {}): Client {
  return anyClientOf(fetch, { retries: 0, ...options });
}

/** What a response says, but for what is changed. */
function response(request_id: unknown, changes: Fields): Fields {
  const unsigned: Fields = {
    v: "mcp/0.1",
    request_id,
    ts_ms: Date.now(),
    ok: true,
    server_id: SERVER_ID,
    status: "ok",
    result: null,
    error: null,
    ...changes,
  };
  if ("signature" in changes) return unsigned;
  return { ...unsigned, signature: signatureOf(unsigned, responseKey()) };
}

function refusal(error: unknown, result: unknown = null): Fields {
  return { ok: false, status: "error", error, result };
}

/** A client that is always answered so, by the server or somebody on the way. */
function answered(
  changes: Fields,
  write: (text: string) => BodyInit = (text) => text,
  headers: HeadersInit = {},
): Client {
  return clientOf(async (request) => {
    const { request_id } = await request.json();
    const text = JSON.stringify(response(request_id, changes));
    return new Response(write(text), { headers });
  });
}

async function thrown(call: () => Promise<unknown>): Promise<CountersignError> {
  return await assertRejects(call, CountersignError);
}

const unsigned = { signature: "" };
/** What a stranger may be told before the server knows who asks. */
const UNSIGNED = ["not_found", "malformed", "unauthenticated", "unavailable"];

Deno.test("nothing but code and sentence is taken of a refusal that nobody signed", async () => {
  for (const code of UNSIGNED) {
    for (const issues of [5, [null], [{ path: [], message: "Forged" }]]) {
      const details = { issues, job_id: "0".repeat(32) };
      const client = answered({
        ...refusal(`${code}: Go away`, details),
        ...unsigned,
      });
      const error = await thrown(() => client.call("any"));
      assertEquals([error.code, error.message], [code, "Go away"]);
      assertEquals([error.issues, error.jobId], [[], undefined]);
      assertEquals(error.signed, false);
    }
  }
});

Deno.test("a refusal that nobody signed is no more than a sentence long", async () => {
  const text = `malformed: ${"😀".repeat(10_000)}`;
  const client = answered({ ...refusal(text), ...unsigned });
  const { message } = await thrown(() => client.call("any"));
  assert(message.length <= 500 && message.isWellFormed());
});

Deno.test("no job ends by what nobody signed", async () => {
  for (const code of [...UNSIGNED, "tool_failed", "job_cancelled"]) {
    const client = answered({
      ...refusal(`${code}: It failed`, { job_id: "0".repeat(32) }),
      ...unsigned,
    });
    const job = client.job("0".repeat(32));
    const calls = [
      () => client.start("any"),
      () => job.poll(),
      () => job.result(),
      () => Array.fromAsync(job),
    ];
    for (const call of calls) {
      const error = await thrown(call);
      assertEquals([error.signed, error.jobId], [false, undefined]);
    }
  }
});

Deno.test("a job ends by a signed answer that names it, with one of three codes", async () => {
  const job_id = "0".repeat(32);
  const ends = {
    tool_failed: "error",
    result_too_large: "error",
    job_cancelled: "cancelled",
  };
  for (const [code, status] of Object.entries(ends)) {
    const client = answered(refusal(`${code}: Over`, { job_id }));
    const state = await client.job(job_id).poll();
    assert(state.status !== "running" && state.status !== "done");
    assertEquals(state.status, status);
    assertEquals([state.error.signed, state.error.jobId], [true, job_id]);
    const started = await client.start("any");
    assertEquals((await started.poll()).status, status);
    // The same words about no job are a call that failed.
    const nameless = answered(refusal(`${code}: Over`));
    assertEquals((await thrown(() => nameless.job(job_id).poll())).code, code);
  }
  for (
    const code of ["not_found", "job_not_found", "unavailable", "new_code"]
  ) {
    const client = answered(refusal(`${code}: Over`, { job_id }));
    const error = await thrown(() => client.job(job_id).poll());
    assertEquals(error.signed, true);
  }
});

Deno.test("errors say whether the server signed them", async () => {
  const yes = answered(refusal("forbidden: No"));
  assertEquals((await thrown(() => yes.call("any"))).signed, true);
  const lost = clientOf(() => Promise.reject(new TypeError("reset")));
  const error = await thrown(() => lost.call("any"));
  assertEquals([error.code, error.signed], ["unreachable", false]);
});

const issue = { path: ["a", 0], message: "Wrong" };
/** What a server should never say, though it signs it. */
const MALFORMED: Record<string, Fields> = {
  "issues are a number": refusal("invalid_args: No", { issues: 5 }),
  "issues are null": refusal("invalid_args: No", { issues: null }),
  "an issue is null": refusal("invalid_args: No", { issues: [issue, null] }),
  "an issue has no path": refusal("invalid_args: No", {
    issues: [{ message: "Wrong" }],
  }),
  "a job's id is an object": refusal("tool_failed: No", { job_id: {} }),
  "a job's id is null": refusal("tool_failed: No", { job_id: null }),
  "the clock is a text": { ts_ms: "now" },
  "the clock is no integer": { ts_ms: 1.5 },
  "ok is no boolean": { ok: 1 },
  "ok and status differ": { ok: false },
  "status is none": { status: "perhaps" },
  "error is a number": { ...refusal(5) },
  "error and ok": { error: "forbidden: No" },
  "a member is missing": { result: undefined },
  "a member is unknown": { also: 1 },
  "the version is another": { v: "mcp/0.2" },
  "the signature is a number": { signature: 5 },
};

for (const [what, changes] of Object.entries(MALFORMED)) {
  Deno.test(`a response is unverified_answer whose malformed part is this: ${what}`, async () => {
    const error = await thrown(() => answered(changes).call("any"));
    assertEquals(error.code, "unverified_answer", error.message);
  });
}

/** What a server's own tools should never return. */
const RESULTS: [Fields, (client: Client) => Promise<unknown>][] = [
  [{ status: "accepted" }, (client) => client.start("any")],
  [
    { status: "accepted", result: { job_id: 1, poll_after_ms: 1 } },
    (client) => client.start("any"),
  ],
  [
    { status: "accepted", result: { job_id: "1", poll_after_ms: "soon" } },
    (client) => client.start("any"),
  ],
  [
    { status: "running", result: { progress: "half" } },
    (client) => client.job("1").poll(),
  ],
  [
    { status: "running", result: { message: 1 } },
    (client) => client.job("1").poll(),
  ],
  [
    { status: "running", result: { questions: "What?" } },
    (client) => client.job("1").poll(),
  ],
  [{ status: "accepted", result: {} }, (client) => client.job("1").poll()],
  [{ result: null }, (client) => client.tools()],
  [{ result: { tools: "none" } }, (client) => client.tools()],
  [{ result: { tools: [null] } }, (client) => client.tools()],
  [{ result: null }, (client) => client.identity()],
  [{ result: { jobs: {} } }, (client) => Array.fromAsync(client.jobs())],
  [{ result: { jobs: [7] } }, (client) => Array.fromAsync(client.jobs())],
];

Deno.test("a result that is not what was asked for is unverified_answer", async () => {
  for (const [changes, call] of RESULTS) {
    const error = await thrown(() => call(answered(changes)));
    assertEquals(error.code, "unverified_answer", JSON.stringify(changes));
  }
});

/** Texts that parsers would not read alike, made of one that is well signed. */
const TEXTS: Record<string, (text: string) => BodyInit> = {
  "a name twice": (text) => text.replace('"ok":', '"ok":false,"ok":'),
  "a name twice, once escaped": (text) =>
    text.replace('"ok":', '"\\u006fk":false,"ok":'),
  "a name twice, further in": (text) =>
    text.replace('"list":', '"list":["\\"::",1],"list":'),
  "an infinite number": (text) => text.replace("[1]", "[1e400]"),
  "a number that is none": (text) => text.replace("[1]", "[NaN]"),
  "a lone surrogate": (text) => text.replace("[1]", '["\\ud800"]'),
  "a great depth": (text) =>
    text.replace("[1]", "[".repeat(100_000) + "]".repeat(100_000)),
  "a byte order mark": (text) => `\ufeff${text}`,
  "UTF-16": (text) =>
    Uint16Array.from(text, (unit) => unit.charCodeAt(0)).buffer as ArrayBuffer,
  "bytes that are not UTF-8": (text) =>
    Uint8Array.from(text.replace("[1]", '["\xff"]'), (c) => c.charCodeAt(0)),
  "more after its end": (text) => `${text} {}`,
  "no end": (text) => text.slice(0, -1),
};

for (const [what, write] of Object.entries(TEXTS)) {
  Deno.test(`a response with ${what} is unverified_answer`, async () => {
    for (const who of [{}, { ...refusal("malformed: No"), ...unsigned }]) {
      const client = answered({ ...who, result: { list: [1] } }, write);
      const error = await thrown(() => client.call("any"));
      assertEquals(error.code, "unverified_answer");
    }
  });
}

Deno.test("a result is what was signed: -0 and the order of members are none", async () => {
  const changes = { result: { createdAt: 0, name: [{ a: 0, b: '"b":' }] } };
  const texts: ((text: string) => string)[] = [
    (text) =>
      text.replace(
        /"result":.*?\}\]\}/,
        '"result":{"name":[{"b":"\\"b\\":","a":-0}],"createdAt":-0.0}',
      ),
    (text) => text.replaceAll(":", " : ").replace(' : "', ':"'),
  ];
  const results = await Promise.all(
    [answered(changes, texts[0]), answered(changes)]
      .map((client) => client.call("any")),
  );
  for (const result of results) {
    assertEquals(JSON.stringify(result), canonical(changes.result));
    assert(Object.is(result.createdAt, 0) && Object.is(result.name[0].a, 0));
  }
});

Deno.test("a response in any order and with any escapes is believed", async () => {
  const changes = { result: { "a:b": '"c":', d: "\\" } };
  for (
    const write of [
      (text: string) => JSON.stringify(JSON.parse(text), null, 2),
      (text: string) => text.replaceAll("a", "\\u0061"),
      (text: string) =>
        JSON.stringify(
          Object.fromEntries(Object.entries(JSON.parse(text)).reverse()),
        ),
    ]
  ) {
    const result = await answered(changes, write).call("any");
    assertEquals(result, changes.result);
  }
});

/** Bytes without end; how many were taken, and whether it was told to stop. */
function endless(piece: Uint8Array<ArrayBuffer>) {
  const told = { taken: 0, cancelled: false };
  const body = new ReadableStream({
    async pull(controller) {
      if (told.taken % 100 === 0) await new Promise((go) => setTimeout(go));
      told.taken += piece.length;
      controller.enqueue(piece.slice());
    },
    cancel() {
      told.cancelled = true;
    },
  });
  return { body, told };
}

Deno.test("no more is read of a response than maxAnswerBytes, 16 MiB unless set", async () => {
  const cases: [Partial<ClientOptions>, number][] = [
    [{}, 16 * 1024 * 1024],
    [{ maxAnswerBytes: 100_000 }, 100_000],
  ];
  for (const [options, limit] of cases) {
    const { body, told } = endless(new Uint8Array(65_536).fill(0x20));
    const client = clientOf(() => new Response(body), options);
    const error = await thrown(() => client.call("any"));
    assertEquals(error.code, "unverified_answer");
    assert(error.message.includes(`more than ${limit} bytes`), error.message);
    assert(told.cancelled && told.taken <= limit + 3 * 65_536);
  }
});

Deno.test("a response of one-byte chunks keeps no chunk", async () => {
  let left = 20_000;
  const body = new ReadableStream({
    pull(controller) {
      // As under Deno.serve, a byte is a view into 64 KiB. Then it stalls.
      const buffer = new Uint8Array(65_536).fill(0x20);
      if (left-- > 0) controller.enqueue(buffer.subarray(0, 1));
    },
  });
  const leaving = new AbortController();
  const { external } = Deno.memoryUsage();
  const call = clientOf(() => new Response(body))
    .call("any", {}, { signal: leaving.signal }).catch(() => {});
  await until("all that is kept is small", () => {
    new Uint8Array(4_000_000).fill(1); // makes garbage, and so collects it
    const kept = Deno.memoryUsage().external - external;
    // Kept, they would be 1.3 GB.
    return Promise.resolve(left < 0 && kept < 200_000_000 || undefined);
  });
  leaving.abort();
  await call;
});

Deno.test("a response that never ends is left when its time is over, or the caller's", async () => {
  const stalled = () => {
    let cancelled = false;
    const body = new ReadableStream({
      cancel() {
        cancelled = true;
      },
    });
    return { response: new Response(body), isLeft: () => cancelled };
  };
  const late = stalled();
  const client = clientOf(() => late.response, { timeoutMs: 20 });
  assertEquals((await thrown(() => client.call("any"))).code, "unreachable");
  assert(late.isLeft());
  const unwanted = stalled();
  const leaving = new AbortController();
  const call = clientOf(() => unwanted.response)
    .call("any", {}, { signal: leaving.signal });
  setTimeout(() => leaving.abort(new RangeError("enough")), 10);
  await assertRejects(() => call, RangeError, "enough");
  assert(unwanted.isLeft());
});

Deno.test("a time-out of any length is one", async () => {
  for (const timeoutMs of [Infinity, 2 ** 31, 2 ** 40]) {
    const client = clientOf(async (request) => {
      const { request_id } = await request.json();
      await new Promise((go) => setTimeout(go, 30));
      request.signal.throwIfAborted();
      return Response.json(response(request_id, { result: 1 }));
    }, { timeoutMs });
    assertEquals(await client.call("any"), 1);
  }
});

Deno.test("retry-after is told up to a day, by whoever, and nonsense is none", async () => {
  const cases: [string, number | undefined][] = [
    ["3", 3000],
    ["999999999999", 86_400_000],
    ["1e308", 86_400_000],
    ["-1", undefined],
    ["soon", undefined],
    ["NaN", undefined],
  ];
  for (const who of [{}, unsigned]) {
    for (const [header, ms] of cases) {
      const changes = { ...refusal("unavailable: Later"), ...who };
      const headers = { "retry-after": header };
      const client = answered(changes, undefined, headers);
      const error = await thrown(() => client.call("any"));
      assertEquals(error.retryAfterMs, ms, header);
    }
  }
});

Deno.test("polls are paced, whatever poll_after_ms says", async () => {
  for (const poll_after_ms of [2 ** 31, 2 ** 40, 1e300]) {
    let polls = 0;
    const client = clientOf(async (request) => {
      const { request_id, tool } = await request.json();
      if (tool === "poll_job") polls++;
      return Response.json(
        response(
          request_id,
          tool === "poll_job"
            ? { status: "running", result: {} }
            : { status: "accepted", result: { job_id: "1", poll_after_ms } },
        ),
      );
    });
    const job = await client.start("any");
    const leaving = new AbortController();
    setTimeout(() => leaving.abort(new RangeError("enough")), 50);
    await assertRejects(
      () => job.result({ signal: leaving.signal }),
      RangeError,
    );
    assertEquals(polls, 1);
  }
});
