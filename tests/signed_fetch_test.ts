import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { SignatureError, signedFetch } from "@countersign/mcp/signatures";
import { listen } from "./support/listen.ts";
import { CLIENT_ID, SECRET as CLIENT_SECRET } from "./support/parties.ts";
import { withServer } from "./support/servers.ts";
import {
  type Answer,
  events,
  SECRET,
  SERVER_ID,
  signedServer,
} from "./support/signed_server.ts";

const URL_OF_SERVER = "https://mcp.example.com/mcp";
const CALL = '{"jsonrpc":"2.0","id":1,"method":"tools/call"}';
const RESULT = { jsonrpc: "2.0", id: 1, result: { text: "Grüße\u2028" } };
const post = (body = CALL): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", "mcp-method": "tools/call" },
  body,
});

/** Somebody between client and server. */
type Meddle = (
  response: Response,
  request: Request,
) => Response | Promise<Response>;

/** A `signedFetch` whose answers pass through somebody's hands. */
function fetchThrough(answer: Answer, meddle: Meddle = (response) => response) {
  const handle = signedServer(answer);
  return signedFetch({
    clientId: "client-001",
    secret: SECRET,
    serverId: SERVER_ID,
    fetch: async (request) => await meddle(await handle(request), request),
  });
}

/** The same answer with other fields or another status. */
function changed(
  { body, status, headers }: Response,
  change: (headers: Headers) => void,
  newStatus = status,
): Response {
  const fields = new Headers(headers);
  change(fields);
  return new Response(body, { status: newStatus, headers: fields });
}

async function refused(
  meddle: Meddle,
  reason: string,
  answer: Answer = () => Response.json(RESULT),
): Promise<void> {
  const error = await assertRejects(
    () => fetchThrough(answer, meddle)(URL_OF_SERVER, post()),
    SignatureError,
  );
  assertEquals(error.reason, reason);
}

Deno.test("an answer comes through a real server as it was given", async () => {
  await using server = listen(
    signedServer((_, body) =>
      Response.json({ echo: body }, {
        status: 201,
        headers: { "mcp-extra": "1", "retry-after": "3", "x-other": "1" },
      })
    ),
  );
  const fetch = signedFetch({
    clientId: "client-001",
    secret: SECRET,
    serverId: SERVER_ID,
  });
  const response = await fetch(
    `${server.url}mcp?a=b`,
    post(),
  );
  assertEquals(response.status, 201);
  assertEquals(await response.json(), { echo: CALL });
  assertEquals(response.headers.get("mcp-extra"), "1");
  assertEquals(response.headers.get("retry-after"), "3");
  assertEquals(response.headers.get("x-other"), null); // nobody signed it
});

Deno.test("an empty answer is signed too, and so is a request without a body", async () => {
  const fetch = fetchThrough(() => new Response(null, { status: 202 }));
  for (const init of [post(), { method: "GET" }]) {
    const response = await fetch(URL_OF_SERVER, init);
    assertEquals(response.status, 202);
    assertEquals(response.body, null);
  }
});

Deno.test("a body of text goes as JSON, as MCP wants it, however it is handed over", async () => {
  await withServer(async ({ handle }) => {
    let type: string | null = null;
    const fetch = signedFetch({
      clientId: CLIENT_ID,
      secret: CLIENT_SECRET,
      serverId: SERVER_ID,
      fetch: (request) => {
        type = request.headers.get("content-type");
        return handle(request);
      },
    });
    const url = "http://localhost/mcp";
    const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    const bytes = new TextEncoder().encode(body);
    const sends: (() => Promise<Response>)[] = [
      () => fetch(url, { method: "POST", body }),
      () => fetch(new URL(url), { method: "POST", body, headers: {} }),
      () => fetch(new Request(url, { method: "POST", body })),
      () => fetch(new Request(url, { method: "POST" }), { body }),
      () => fetch(url, { method: "POST", body: bytes }),
      () => fetch(url, { method: "POST", body: new Blob([body]) }),
    ];
    for (const send of sends) {
      const response = await send();
      assertEquals([response.status, type], [200, "application/json"]);
      assertEquals((await response.json()).result, {});
    }
    // What a caller names stays.
    const headers = { "content-type": "application/json; charset=utf-8" };
    await (await fetch(url, { method: "POST", body, headers })).body?.cancel();
    assertEquals(type, headers["content-type"]);
    const plain = { "content-type": "text/plain" };
    const refused = await fetch(url, { method: "POST", body, headers: plain });
    await refused.body?.cancel();
    assertEquals([refused.status, type], [415, "text/plain"]);
  });
});

Deno.test("a failure that is signed comes through whole", async () => {
  const fetch = fetchThrough(() => Response.json(RESULT, { status: 404 }));
  const response = await fetch(URL_OF_SERVER, post());
  assertEquals(response.status, 404);
  assertEquals(await response.json(), RESULT);
});

Deno.test("a success that nobody signed is refused", async () => {
  await refused(() => Response.json(RESULT), "missing_signature");
});

Deno.test("a redirect is not followed, and is refused", async () => {
  let asked = 0;
  await using elsewhere = listen(
    () => {
      asked++;
      return Response.json(RESULT);
    },
  );
  const location = elsewhere.url;
  await using server = listen(
    () => new Response(null, { status: 307, headers: { location } }),
  );
  const fetch = signedFetch({
    clientId: "client-001",
    secret: SECRET,
    serverId: SERVER_ID,
  });
  await assertRejects(
    () => fetch(server.url, post()),
    SignatureError,
    "missing_signature",
  );
  assertEquals(asked, 0);
});

Deno.test("a refusal that nobody signed keeps its status, and no answer", async () => {
  const fetch = signedFetch({
    clientId: "client-001",
    secret: "a secret that the server does not know",
    serverId: SERVER_ID,
    fetch: signedServer(() => Response.json(RESULT)),
  });
  const response = await fetch(URL_OF_SERVER, post());
  assertEquals(response.status, 401);
  assertEquals(response.headers.get("www-authenticate"), null);
  assertMatch(
    await response.text(),
    /^Unsigned refusal: Signature .*error="bad_signature"$/,
  );
});

Deno.test("a content that was tampered with is refused", async () => {
  await refused(({ headers }) => {
    const forged = { ...RESULT, result: { text: "Gruesse" } };
    return new Response(JSON.stringify(forged), { headers });
  }, "digest_mismatch");
});

Deno.test("a status or a field that was tampered with is refused", async () => {
  const answer = () =>
    Response.json(RESULT, { headers: { "mcp-extra": "1" }, status: 400 });
  await refused((r) => changed(r, () => {}, 200), "bad_signature", answer);
  for (const name of ["content-type", "content-digest", "mcp-extra"]) {
    await refused(
      (r) => changed(r, (headers) => headers.set(name, "x")),
      "bad_signature",
      answer,
    );
  }
});

Deno.test("a field that was stripped or injected is refused", async () => {
  for (const name of ["content-type", "content-digest"]) {
    await refused(
      (r) => changed(r, (headers) => headers.delete(name)),
      "insufficient_coverage",
    );
  }
  for (const name of ["mcp-session-id", "retry-after"]) {
    await refused(
      (r) => changed(r, (headers) => headers.set(name, "7")),
      "insufficient_coverage",
    );
  }
});

Deno.test("the answer to another request is refused", async () => {
  let first: Response | undefined;
  const fetch = fetchThrough(
    () => Response.json(RESULT),
    (response) => first?.clone() ?? (first = response).clone(),
  );
  await fetch(URL_OF_SERVER, post());
  for (const body of [CALL, CALL.replace("1", "2")]) {
    await assertRejects(
      () => fetch(URL_OF_SERVER, post(body)),
      SignatureError,
      body === CALL ? "replayed_nonce" : "bad_signature",
    );
  }
  await first?.body?.cancel();
});

Deno.test("a request is no answer to itself", async () => {
  await refused((_, { headers }) => {
    const fields = new Headers(headers);
    const swap = (name: string) =>
      fields.set(name, (headers.get(name) ?? "").replaceAll("-req-", "-res-"));
    swap("signature-input");
    return new Response(CALL, { headers: fields });
  }, "insufficient_coverage");
});

Deno.test("a stale answer is refused", async () => {
  let late = 0;
  const fetch = signedFetch({
    clientId: "client-001",
    secret: SECRET,
    serverId: SERVER_ID,
    now: () => Date.now() + late,
    async fetch(request) {
      const handle = signedServer(() => Response.json(RESULT));
      const response = await handle(request);
      late = 95_000;
      return response;
    },
  });
  await assertRejects(
    () => fetch(URL_OF_SERVER, post()),
    SignatureError,
    "outside_time_window",
  );
});

Deno.test("a request that was sent twice is answered once", async () => {
  const handle = signedServer(() => Response.json(RESULT));
  const fetch = signedFetch({
    clientId: "client-001",
    secret: SECRET,
    serverId: SERVER_ID,
    async fetch(request) {
      await (await handle(request.clone())).body?.cancel();
      return await handle(request);
    },
  });
  const response = await fetch(URL_OF_SERVER, post());
  assertEquals(response.status, 401);
  assertMatch(await response.text(), /error="replayed_nonce"$/);
});

const PROGRESS = [1, 2, 3].map((progress) => ({
  jsonrpc: "2.0",
  method: "notifications/progress",
  params: { progress },
}));
const stream = () => events(...PROGRESS, RESULT);

/** An SSE answer whose text somebody changed on the way. */
function streamThrough(change: (text: string) => string) {
  return fetchThrough(stream, async (response) => {
    const { headers } = response;
    return new Response(change(await response.text()), { headers });
  });
}

async function streamRefused(change: (text: string) => string): Promise<void> {
  const response = await streamThrough((text) => {
    const forged = change(text);
    assertNotEquals(forged, text); // or there would be nothing to refuse
    return forged;
  })(URL_OF_SERVER, post());
  await assertRejects(
    () => response.text(),
    SignatureError,
    "bad_signature",
  );
}

Deno.test("a stream comes through a real server, event by event", async () => {
  await using server = listen(
    signedServer(stream),
  );
  const fetch = signedFetch({
    clientId: "client-001",
    secret: SECRET,
    serverId: SERVER_ID,
  });
  const response = await fetch(
    `${server.url}mcp`,
    post(),
  );
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  assertEquals(await response.text(), await stream().text());
});

Deno.test("an event comes through before the next one is there", async () => {
  let end = () => {};
  const fetch = fetchThrough(() =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(":\n\ndata: {}\n\n"));
          end = () => controller.close();
        },
      }),
      { headers: { "content-type": "text/event-stream; charset=utf-8" } },
    )
  );
  const response = await fetch(URL_OF_SERVER, post());
  const reader = response.body!.pipeThrough(new TextDecoderStream())
    .getReader();
  assertEquals((await reader.read()).value, ":\n\n");
  assertEquals((await reader.read()).value, "event: message\ndata: {}\n\n");
  end();
  assert((await reader.read()).done);
});

Deno.test("a client that goes away ends the server's stream", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const fetch = fetchThrough(() =>
    new Response(new ReadableStream({ cancel: resolve }), {
      headers: { "content-type": "text/event-stream" },
    })
  );
  const response = await fetch(URL_OF_SERVER, post());
  await response.body?.cancel();
  await promise;
});

Deno.test("a plain parser reads the events of a signed stream", async () => {
  let wire = "";
  await (await streamThrough((text) => wire = text)(URL_OF_SERVER, post()))
    .text();
  const blocks = wire.trimEnd().split("\n\n");
  assertEquals(blocks.length, 4);
  blocks.forEach((block, i) =>
    assertMatch(
      block,
      new RegExp(
        `^event: message\ndata: .*\nmac: ${i + 1}:[A-Za-z0-9+/]{43}=$`,
        "s",
      ),
    )
  );
});

Deno.test("an event that was tampered with is refused", async () => {
  await streamRefused((text) => text.replace('"progress":2', '"progress":9'));
});

Deno.test("an event that was injected is refused", async () => {
  await streamRefused((text) => `data: {}\n\n${text}`);
});

Deno.test("an event that was removed is refused", async () => {
  await streamRefused((text) => text.slice(text.indexOf("\n\n") + 2));
});

Deno.test("an event that was repeated is refused", async () => {
  await streamRefused((text) => text.slice(0, text.indexOf("\n\n") + 2) + text);
});

Deno.test("events that were reordered are refused", async () => {
  await streamRefused((text) => {
    const [a, b, ...rest] = text.split("\n\n");
    return [b, a, ...rest].join("\n\n");
  });
});

Deno.test("an event whose mac was stripped is refused", async () => {
  await streamRefused((text) => text.replace(/mac: 2:.*\n/, ""));
});

Deno.test("an event of another answer is refused", async () => {
  let other = "";
  await (await streamThrough((text) => other = text)(URL_OF_SERVER, post()))
    .text();
  await streamRefused(() => other);
});

Deno.test("what no MAC covers of an event is left out", async () => {
  const fetch = streamThrough((text) =>
    text.replaceAll("event: message", "id: 7\nretry: 1\nevent: other")
  );
  const response = await fetch(URL_OF_SERVER, post());
  assertEquals(await response.text(), await stream().text());
});

Deno.test("a stream that ends too early ends without the response", async () => {
  const fetch = streamThrough((text) => text.slice(0, -20));
  const text = await (await fetch(URL_OF_SERVER, post())).text();
  assertEquals(text.split("data: ").length - 1, PROGRESS.length);
  assert(!text.includes('"result"'));
});

Deno.test("an answer is neither a stream nor none if that was not signed", async () => {
  await refused(
    (r) =>
      changed(r, (headers) => headers.set("content-type", "text/event-stream")),
    "bad_signature",
  );
});

Deno.test("no more is read of an answer, or of an event, than maxAnswerBytes", async () => {
  const text = "x".repeat(2000);
  for (const answer of [() => new Response(text), () => events(text)]) {
    for (const [maxAnswerBytes, fits] of [[1000, false], [4000, true]]) {
      const fetch = signedFetch({
        clientId: "client-001",
        secret: SECRET,
        serverId: SERVER_ID,
        maxAnswerBytes: Number(maxAnswerBytes),
        fetch: signedServer(answer),
      });
      const read = async () =>
        await (await fetch(URL_OF_SERVER, post())).text();
      if (fits) assert((await read()).includes(text));
      else await assertRejects(read, SignatureError, "too_large");
    }
  }
});

Deno.test("an answer that never ends is left with the caller's signal", async () => {
  const controller = new AbortController();
  let isLeft = false;
  const body = new ReadableStream({
    cancel() {
      isLeft = true;
    },
  });
  const handle = signedServer(() => Response.json(RESULT));
  const fetch = signedFetch({
    clientId: "client-001",
    secret: SECRET,
    serverId: SERVER_ID,
    fetch: async (request) => {
      const { headers } = await handle(request);
      setTimeout(() => controller.abort(new RangeError("enough")), 10);
      return new Response(body, { headers });
    },
  });
  await assertRejects(
    () => fetch(URL_OF_SERVER, { ...post(), signal: controller.signal }),
    RangeError,
    "enough",
  );
  assert(isLeft);
});

Deno.test("a secret that is too short is refused", () => {
  assertThrows(
    () =>
      signedFetch({
        clientId: "client-001",
        secret: "short",
        serverId: SERVER_ID,
      }),
    RangeError,
    "secret has 5 bytes",
  );
});

Deno.test("the caller's signal reaches the request", async () => {
  const controller = new AbortController();
  const fetch = signedFetch({
    clientId: "client-001",
    secret: SECRET,
    serverId: SERVER_ID,
    fetch: ({ signal }) => {
      controller.abort(new RangeError("enough"));
      signal.throwIfAborted();
      return Response.json(RESULT);
    },
  });
  await assertRejects(
    () => fetch(URL_OF_SERVER, { ...post(), signal: controller.signal }),
    RangeError,
    "enough",
  );
});
