/** One test for each row of SECURITY.md's table, by its name. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  CountersignError,
  createServer,
  defineTool,
  type Schema,
  type ServerOptions,
  ToolError,
  type,
} from "../mod.ts";
import { clientOf } from "./support/clients.ts";
import { stoppedClock } from "../src/testing/clock.ts";
import {
  fields,
  request,
  responseKey,
  signatureOf,
  signed,
} from "./support/envelopes.ts";
import { faultyKv } from "../src/testing/faulty_kv.ts";
import { temporaryFolder } from "./support/folder.ts";
import {
  CLIENT_ID,
  OTHER_ID,
  OTHER_SECRET,
  PARTIES,
  SECRET,
  SERVER_ID,
  SERVER_SECRET,
} from "./support/parties.ts";
import { post, type TestServer, withServer } from "./support/servers.ts";
import { tools } from "./support/tools.ts";
import { gate, until } from "./support/until.ts";

function threat(name: string, test: () => Promise<void>): void {
  Deno.test(name, test);
}

async function codeOf(
  { post }: Pick<TestServer, "post">,
  body: string,
): Promise<string> {
  const { answer } = await post(body);
  return answer.ok ? "ok" : String(answer.error).split(":")[0];
}

threat(
  "A call is forged without the secret",
  () =>
    withServer(async (server) => {
      const forged = [
        signed({}, OTHER_SECRET),
        signed({}, ""),
        JSON.stringify({ ...fields(), signature: "0".repeat(64) }),
      ];
      for (const body of forged) {
        assertEquals(await codeOf(server, body), "unauthenticated");
      }
    }),
);

threat("A call is changed on its way", () =>
  withServer(async (server) => {
    const original = JSON.parse(signed());
    const changes = {
      request_id: "another",
      ts_ms: original.ts_ms + 1,
      client_id: OTHER_ID,
      tool: "echo",
      args: { numbers: [1, 2, 4] },
      nonce: crypto.randomUUID(),
      signature: original.signature.replace(/^./, (digit: string) =>
        digit === "0" ? "1" : "0"),
    };
    for (const change of Object.entries(changes)) {
      const body = { ...original, ...Object.fromEntries([change]) };
      const code = await codeOf(server, JSON.stringify(body));
      assertEquals(code, "unauthenticated", change[0]);
    }
    const { args: _, ...without } = original;
    const code = await codeOf(server, JSON.stringify(without));
    assertEquals(code, "unauthenticated");
    assertEquals(await codeOf(server, JSON.stringify(original)), "ok");
  }));

threat("A call is replayed", () =>
  withServer(async (server) => {
    const other = createServer({ ...PARTIES, tools, kv: server.kv });
    for (const call of [{}, { tool: "answers_now", args: { value: 1 } }]) {
      const body = signed(call);
      assertEquals(await codeOf(server, body), "ok");
      assertEquals(await codeOf(server, body), "replayed");
      assertEquals((await post(other.handle, body)).status, 409);
    }
    // A fresh signature does not make a spent nonce fresh.
    const nonce = crypto.randomUUID();
    assertEquals(await codeOf(server, signed({ nonce })), "ok");
    assertEquals(await codeOf(server, signed({ nonce })), "replayed");
    const job = { tool: "answers_now", args: { value: 2 }, nonce };
    assertEquals(await codeOf(server, signed(job)), "replayed");
    await other.stop();
  }));

threat("A call is replayed after a restart", async () => {
  await using folder = await temporaryFolder();
  const body = signed();
  for (const status of [200, 409]) {
    await withServer(async ({ post }) => {
      assertEquals((await post(body)).status, status);
    }, { kv: () => Deno.openKv(folder.file("kv.db")) });
  }
});

threat("A call is replayed as its window closes", async () => {
  for (const store of ["kv", "memory"] as const) {
    const clock = stoppedClock(Date.now());
    await withServer(async (server) => {
      const body = signed({ ts_ms: clock.now() });
      assertEquals(await codeOf(server, body), "ok");
      clock.forward(300_000);
      assertEquals(await codeOf(server, body), "replayed");
      clock.forward(1);
      assertEquals(await codeOf(server, body), "stale_timestamp");
      clock.forward(3_300_000);
      const later = signed({ ts_ms: clock.now() });
      assertEquals(await codeOf(server, later), "ok");
      clock.forward(-3_600_000);
      assertEquals(await codeOf(server, body), "replayed");
    }, { clock, nonces: { store } });
  }
});

threat(
  "A call is held back and sent later",
  () =>
    withServer(async (server) => {
      const body = signed();
      server.clock.forward(300_001);
      assertEquals(await codeOf(server, body), "stale_timestamp");
    }),
);

threat("A nonce is burnt by a stranger", () =>
  withServer(async (server) => {
    const nonce = crypto.randomUUID();
    const stranger = signed({ nonce }, "the-secret-of-nobody-that-is-as-long");
    assertEquals(await codeOf(server, stranger), "unauthenticated");
    const other = signed({ nonce, client_id: OTHER_ID }, OTHER_SECRET);
    assertEquals(await codeOf(server, other), "ok");
    assertEquals(await codeOf(server, signed({ nonce })), "ok");
  }));

threat(
  "A call for another server is sent here",
  () =>
    withServer(async (server) => {
      const elsewhere = signed({ server_id: "mcp-server-002" });
      assertEquals(await codeOf(server, elsewhere), "wrong_server");
      const renamed = elsewhere.replace("mcp-server-002", SERVER_ID);
      assertEquals(await codeOf(server, renamed), "unauthenticated");
    }),
);

threat(
  "An answer is forged or changed",
  () =>
    withServer(async ({ handle }) => {
      const forgeries = [
        (text: string) => text.replace('"total":6', '"total":7'),
        (text: string) => text.replace(/"signature":"\w+"/, '"signature":""'),
      ];
      for (const forge of forgeries) {
        const client = clientOf(async (request) =>
          new Response(forge(await (await handle(request)).text()))
        );
        const error = await assertRejects(
          () => client.call("batch_sum", { numbers: [1, 2, 3] }),
          CountersignError,
        );
        assertEquals(error.code, "unverified_answer");
      }
    }),
);

threat("A call is reflected as an answer", async () => {
  const answeredWith = (key: string | Uint8Array) =>
    clientOf(async (request) => {
      const call = await request.json();
      const answer = {
        v: call.v,
        request_id: call.request_id,
        ts_ms: call.ts_ms,
        ok: true,
        server_id: call.server_id,
        status: "ok",
        result: null,
        error: null,
      };
      const signature = signatureOf(answer, key);
      return Response.json({ ...answer, signature });
    });
  // Signed with the key that calls are signed with: not the answers' key.
  const error = await assertRejects(
    () => answeredWith(SECRET).call("echo", {}),
    CountersignError,
  );
  assertEquals(error.code, "unverified_answer");
  // The key was all that was wrong with it.
  assertEquals<unknown>(await answeredWith(responseKey()).call("echo"), null);
});

threat(
  "An answer is given to another call",
  () =>
    withServer(async ({ handle }) => {
      let first: Response | undefined;
      const client = clientOf(async (request) => {
        const response = await handle(request);
        first ??= response;
        return first.clone();
      });
      await client.call("echo", { value: 1 });
      const error = await assertRejects(
        () => client.call("echo", { value: 2 }),
        CountersignError,
      );
      assertEquals(error.code, "unverified_answer");
    }),
);

threat("A stranger finds out which clients exist", async () => {
  const verify = crypto.subtle.verify;
  let verifications = 0;
  crypto.subtle.verify = (...args: Parameters<typeof verify>) => {
    verifications++;
    return verify.apply(crypto.subtle, args);
  };
  try {
    const clients = { [CLIENT_ID]: SECRET, rotating: [SECRET, OTHER_SECRET] };
    await withServer(async ({ handle }) => {
      const answers: string[] = [];
      for (const client_id of [CLIENT_ID, "rotating", "nobody", "toString"]) {
        verifications = 0;
        const body = signed(
          { client_id, request_id: "same" },
          "the-secret-of-nobody-that-is-as-long",
        );
        const response = await handle(request(body));
        const text = await response.text();
        answers.push(
          `${response.status} ${verifications} ${
            text.replace(/"ts_ms":\d+/, "")
          }`,
        );
      }
      assertEquals(new Set(answers).size, 1, answers.join("\n"));
      assert(verifications > 0, "whatever it costs, it is not nothing");
    }, { clients });
  } finally {
    crypto.subtle.verify = verify;
  }
});

threat("A misplaced secret is told to strangers", async () => {
  // More of them, place by place, in misplaced_secrets_test.ts.
  const wrong: Partial<ServerOptions>[] = [
    { serverId: SECRET, serverSecret: SERVER_ID },
    { clients: { [SECRET]: CLIENT_ID } },
    { clients: { [`${SECRET}=`]: OTHER_SECRET } },
    { tools: { [`${SECRET}=`]: tools.batch_sum } },
    { publicUrl: SECRET },
  ];
  for (const change of wrong) {
    const told: string[] = [];
    const { error } = console;
    console.error = (...parts) => told.push(parts.map(String).join());
    try {
      const { handle } = createServer(() => ({
        serverId: SERVER_ID,
        serverSecret: SERVER_SECRET,
        clients: { [CLIENT_ID]: OTHER_SECRET },
        tools: {},
        nonces: { store: "memory" },
        ...change,
      }));
      told.push(await (await handle(request(signed()))).text());
    } finally {
      console.error = error;
    }
    assert(told.length > 1 && told.join().includes("not_configured"));
    assert(!told.join().includes(SECRET), told.join());
  }
});

threat(
  "A page on another origin reads answers",
  () =>
    withServer(async ({ handle }) => {
      const readers: (string | null)[] = [];
      for (const origin of ["https://app.example", "https://evil.example"]) {
        const headers = { "content-type": "application/json", origin };
        const response = await handle(request(signed(), { headers }));
        await response.body?.cancel();
        readers.push(response.headers.get("access-control-allow-origin"));
      }
      assertEquals(readers, ["https://app.example", null]);
    }, { allowedOrigins: ["https://app.example"] }),
);

threat(
  "A Host header leads to another path",
  () =>
    withServer(async ({ handle }) => {
      await using server = Deno.serve(
        { port: 0, hostname: "127.0.0.1", onListen() {} },
        handle,
      );
      for (const host of ["a/mcp?", "a/healthz#", "me@a", "a\\", "^"]) {
        using connection = await Deno.connect({ port: server.addr.port });
        await connection.write(new TextEncoder().encode(
          `GET /x HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
        ));
        const bytes = new Uint8Array(64);
        const count = await connection.read(bytes) ?? 0;
        const head = new TextDecoder().decode(bytes.subarray(0, count));
        assert(head.startsWith("HTTP/1.1 400 "), `${host}: ${head}`);
      }
    }),
);

threat("A client calls a tool it was not given", async () => {
  const clients = { [CLIENT_ID]: { secret: SECRET, tools: ["echo"] } };
  await withServer(async (server) => {
    const answers = new Set<string>();
    for (const tool of ["batch_sum", "answers_now", "fails", "no_such_tool"]) {
      for (const args of [{}, { numbers: [1] }, { value: "wrong" }]) {
        const call = signed({ tool, args, request_id: "same" });
        const { status, answer } = await server.post(call);
        const { ts_ms: _, signature: __, error, ...rest } = answer;
        const sentence = String(error).replace(tool, "x");
        answers.add(JSON.stringify({ status, sentence, ...rest }));
      }
    }
    assertEquals([...answers].length, 1, [...answers].join("\n"));
    assert([...answers][0].includes("unknown_tool: "));
    const { answer } = await server.post(
      signed({ tool: "list_tools", args: {} }),
    );
    assert(!JSON.stringify(answer.result).includes("batch_sum"));
  }, { clients });
});

threat("A client reaches another's job", () =>
  withServer(async (server) => {
    const request_id = "known-to-all";
    const { answer } = await server.post(
      signed({ tool: "waits_forever", args: {}, request_id }),
    );
    const { job_id } = answer.result as { job_id: string };
    for (const tool of ["poll_job", "cancel_job"]) {
      const body = signed(
        { tool, args: { job_id }, client_id: OTHER_ID },
        OTHER_SECRET,
      );
      assertEquals(await codeOf(server, body), "job_not_found");
    }
    assert(!job_id.includes(request_id));
    // The same request id under another server secret is another job.
    await withServer(async (other) => {
      const { answer } = await other.post(
        signed({ tool: "waits_forever", args: {}, request_id }),
      );
      assert((answer.result as { job_id: string }).job_id !== job_id);
    }, { serverSecret: OTHER_SECRET });
  }));

threat(
  "Two parsers read one body differently",
  () =>
    withServer(async (server) => {
      const twice = signed().replace('"tool":', '"tool":"fails","tool":');
      const escaped = signed().replace(
        '"args":{',
        '"args":{"number\\u0073":[9],',
      );
      const utf16 = new Uint8Array(new Uint16Array([0x7b, 0x7d]).buffer);
      const surrogate = signed().replace("[1,2,3]", '"\\udc00"');
      const infinite = signed().replace("[1,2,3]", "[1e999]");
      for (const body of [twice, escaped, surrogate, infinite]) {
        assertEquals(await codeOf(server, body), "malformed", body);
      }
      assertEquals((await server.handle(request(utf16))).status, 400);
    }),
);

threat(
  "A body exhausts memory or stack",
  () =>
    withServer(async ({ handle }) => {
      let sent = 0;
      const endless = new ReadableStream({
        pull(controller) {
          sent++;
          controller.enqueue(new Uint8Array(65_536).fill(0x20));
        },
      });
      const response = await handle(request(endless));
      assertEquals(response.status, 413);
      assert(sent < 40, `${sent} pieces were read`);
      const deep = `${"[".repeat(500_000)}${"]".repeat(500_000)}`;
      const body = signed().replace("[1,2,3]", deep);
      assertEquals((await handle(request(body))).status, 400);
    }),
);

threat("A body never ends", () =>
  withServer(async ({ handle }) => {
    for (const url of ["http://localhost/", "http://localhost/mcp"]) {
      const method = "POST";
      const headers = { "content-type": "application/json" };
      const body = new ReadableStream<Uint8Array>(); // nothing ever comes
      const stalled = new Request(url, { method, headers, body });
      assertEquals((await handle(stalled)).status, 400);
    }
  }, { readTimeoutMs: 20 }));

threat(
  "Refusing takes longer than accepting",
  () =>
    withServer(async ({ handle }) => {
      const zeros = (count: number) => `[${"0,".repeat(count)}0]`;
      const took = async (body: string, status: number) => {
        let least = Infinity;
        for (let i = 0; i < 5; i++) {
          const began = performance.now();
          assertEquals((await handle(request(body))).status, status);
          least = Math.min(least, performance.now() - began);
        }
        return least;
      };
      // No signature, and 500,000 faults for whoever looks at them all.
      const few = await took(zeros(5_000), 400);
      const many = await took(zeros(500_000), 400);
      assert(many < 100 * few + 200, `${many} ms, and ${few} for a hundredth`);
      // The same behind a signature: strings where numbers belong.
      const numbers = Array.from({ length: 100_000 }, () => "x");
      const wrong = JSON.parse(signed({ args: { numbers } }));
      const body = JSON.stringify(wrong);
      const { result } = await (await handle(request(body))).json();
      assertEquals(result.issues.length, 20);
    }),
);

threat(
  "What one caller sends changes how another is read",
  () =>
    withServer(async ({ post }) => {
      await post('{"delimiter":1,"\\\\":2}'); // what V8 15.0 is led astray by
      JSON.parse('{"delimiter":1,"\\\\":2}');
      const value = { delimiter: 1, "\n": 2 };
      const { answer } = await post(signed({ tool: "echo", args: { value } }));
      // A misread call would not verify.
      assertEquals([answer.error, answer.ok], [null, true]);
    }),
);

threat("Half a character breaks an answer", async () => {
  const half = "😀".slice(0, 1);
  const fails = defineTool({
    description: `Fails ${half}`,
    input: type({}),
    run: (): string => {
      throw new ToolError(`It is broken: ${half}`);
    },
  });
  await withServer(async ({ post }) => {
    const call = await post(signed({ tool: "fails", args: {} }));
    assertEquals(call.answer.error, "tool_failed: It is broken: \ufffd");
    const name = "😀".repeat(1000);
    const { answer } = await post(JSON.stringify({ [`x${name}`]: 1 }));
    assert(String(answer.error).isWellFormed());
    const list = await post(signed({ tool: "list_tools", args: {} }));
    assertEquals(list.status, 200);
  }, { tools: { fails } });
});

threat("A schema lets through what it does not name", async () => {
  const open: Schema = {
    "~standard": {
      version: 1,
      vendor: "somebody",
      validate: (value) => ({ value }),
      jsonSchema: {
        input: () => ({ type: "object", properties: { a: {} } }),
        output: () => ({}),
      },
    },
  };
  const definition = { description: "Takes a", input: open, run: () => null };
  assertThrows(() => defineTool(definition), TypeError, "open: true");
  const meant = defineTool({ ...definition, open: true });
  const closed = defineTool({ ...definition, input: type({ a: "1" }) });
  await withServer(async ({ post }) => {
    const args = { a: 1, b: 2 };
    assertEquals((await post(signed({ tool: "meant", args }))).status, 200);
    assertEquals((await post(signed({ tool: "closed", args }))).status, 422);
  }, { tools: { meant, closed } });
});

threat("A library's other copy lets everything through", async () => {
  /** As another copy of ArkType answers: issues of a class unknown here. */
  class Issues extends Array<{ message: string }> {
    get issues() {
      return this;
    }
  }
  const write = () => ({ type: "object" });
  const other: Schema = {
    "~standard": {
      version: 1,
      vendor: "arktype",
      validate: () => Issues.from([{ message: "no" }]) as Issues,
      jsonSchema: { input: write, output: write },
    },
  };
  let ran = 0;
  const pay = defineTool({
    description: "Pays",
    input: other,
    run: () => ++ran,
  });
  await withServer(async ({ post }) => {
    const { status } = await post(signed({ tool: "pay", args: { all: 1 } }));
    assertEquals([status, ran], [422, 0]);
  }, { tools: { pay } });
});

threat(
  "A prototype's property passes for a tool or a client",
  () =>
    withServer(async (server) => {
      for (const name of ["constructor", "__proto__", "hasOwnProperty"]) {
        const tool = signed({ tool: name });
        assertEquals(await codeOf(server, tool), "unknown_tool");
        const client = signed({ client_id: name });
        assertEquals(await codeOf(server, client), "unauthenticated");
      }
      const polluting = signed().replace(
        '"args":{',
        '"args":{"__proto__":{"numbers":[1]},',
      );
      assertEquals(await codeOf(server, polluting), "unauthenticated");
      const args = JSON.parse('{"__proto__":{"numbers":[1]},"numbers":[1]}');
      assertEquals(await codeOf(server, signed({ args })), "invalid_args");
      assertEquals(({} as { numbers?: unknown }).numbers, undefined);
    }),
);

threat(
  "A tool's failure tells what is inside",
  () =>
    withServer(async ({ post }) => {
      for (const tool of ["fails", "breaks_its_word", "returns_a_date"]) {
        const { answer } = await post(signed({ tool, args: {} }));
        const text = JSON.stringify(answer);
        for (const inside of ["hunter2", "many", "Error", "at "]) {
          assert(!text.includes(inside), text);
        }
      }
    }),
);

threat(
  "Secrets leak through logs, errors, answers or KV",
  () =>
    withServer(async (server) => {
      const told: string[] = [];
      const calls = [
        signed(),
        signed(),
        signed({}, OTHER_SECRET),
        signed({ tool: "fails", args: {} }),
        signed({ tool: "server_identity", args: {} }),
        signed({ tool: "list_tools", args: {} }),
        signed({ tool: "answers_now", args: { value: 1 } }),
        "{}",
      ];
      for (const body of calls) {
        told.push(JSON.stringify((await server.post(body)).answer));
      }
      const page = await server.handle(
        new Request("http://localhost/", { headers: { accept: "text/html" } }),
      );
      told.push(await page.text());
      for await (const { key, value } of server.kv.list({ prefix: [] })) {
        told.push(JSON.stringify(key));
        told.push(new TextDecoder().decode(value as Uint8Array));
      }
      for (const { message, fields } of server.lines) {
        told.push(message, Deno.inspect(fields, { depth: 10 }));
      }
      for (const clients of [{ a: "too-short" }, { a: { secret: 1 } }]) {
        const error = assertThrows(
          () =>
            createServer({
              ...PARTIES,
              clients: clients as never,
              tools: {},
              nonces: { store: "memory" },
            }),
          Error,
        );
        told.push(String(error.stack));
      }
      assert(told.length > 20);
      for (const secret of [SECRET, OTHER_SECRET, SERVER_SECRET, "too-short"]) {
        const leak = told.find((text) => text.includes(secret));
        assertEquals(leak, undefined);
      }
    }),
);

threat("Keys are taken out of memory", async () => {
  const { importKey, deriveKey } = crypto.subtle;
  const keys: CryptoKey[] = [];
  const watch =
    (make: (...args: never[]) => Promise<CryptoKey>) =>
    async (...args: never[]) => {
      const key = await make.apply(crypto.subtle, args);
      keys.push(key);
      return key;
    };
  Object.assign(crypto.subtle, {
    importKey: watch(importKey as never),
    deriveKey: watch(deriveKey as never),
  });
  try {
    await withServer(async ({ client, post }) => {
      // Signed by hand: whatever key is made here is the server's.
      assertEquals((await post(signed())).status, 200);
      const servers = keys.length;
      assert(servers > 0);
      assertEquals((await post(signed())).status, 200);
      assertEquals(keys.length, servers, "the server's keys are made once");
      await client.call("echo", {});
      const all = keys.length;
      assert(all > servers);
      await client.call("echo", {});
      assertEquals(keys.length, all, "so are the client's");
      for (const key of keys) {
        assertEquals(key.extractable, false);
        await assertRejects(
          () => crypto.subtle.exportKey("raw", key),
          Error,
        );
      }
    });
  } finally {
    Object.assign(crypto.subtle, { importKey, deriveKey });
  }
});

threat("A short secret is guessed", async () => {
  const options = {
    ...PARTIES,
    tools: {},
    nonces: { store: "memory" as const },
  };
  const short = "x".repeat(31);
  const wrong = [
    { clients: { [CLIENT_ID]: short } },
    { clients: { [CLIENT_ID]: [SECRET, short] } },
    { clients: { [CLIENT_ID]: { secret: new Uint8Array(31) } } },
    { serverSecret: short },
  ];
  for (const change of wrong) {
    await assertRejects(
      async () => await createServer({ ...options, ...change }),
      RangeError,
      "31 bytes",
    );
    createServer({ ...options, ...change, allowShortSecrets: true });
  }
});

threat(
  "A retry runs a job twice",
  () =>
    withServer(async ({ post, client }) => {
      const call = { tool: "answers_now", args: { value: 1 }, request_id: "r" };
      const bodies = Array.from({ length: 10 }, () => signed(call));
      const answers = await Promise.all(bodies.map(post));
      const ids = answers.map(({ answer }) =>
        (answer.result as { job_id: string }).job_id
      );
      assertEquals(new Set(ids).size, 1);
      const jobs = await Array.fromAsync(client.jobs());
      assertEquals(jobs.length, 1);
    }),
);

threat("A client's jobs starve the others", () =>
  withServer(async (server) => {
    const start = () => signed({ tool: "waits_forever", args: {} });
    for (let i = 0; i < 3; i++) {
      assertEquals(await codeOf(server, start()), "ok");
    }
    assertEquals(await codeOf(server, start()), "too_many_jobs");
    const other = signed(
      { tool: "waits_forever", args: {}, client_id: OTHER_ID },
      OTHER_SECRET,
    );
    assertEquals(await codeOf(server, other), "ok");
  }, { jobs: { maxUnfinished: 3 } }));

threat("A worker that lost its lease writes", async () => {
  for (const late of ["step", "result"]) {
    using taken = gate("the job's other worker");
    const seen: string[] = [];
    let away = false;
    const toolsOf = (worker: string) => ({
      job: defineTool({
        description: "Goes on though another worker has done it",
        input: type({}),
        job: true,
        run: async (_args, { signal, step }) => {
          if (worker === "other") return worker;
          signal.addEventListener("abort", () => seen.push("stopped"));
          const wait = async () => {
            away = true;
            await taken.opened();
          };
          if (late === "step") await step("late", wait);
          else await wait();
          seen.push(late);
          return worker;
        },
      }),
    });
    await withServer(async ({ client, kv, stored, stop }) => {
      const job = await client.start("job");
      const tools = toolsOf("other");
      const other = createServer({
        ...PARTIES,
        tools,
        kv,
        jobs: { drive: false }, // it works when it is asked to
      });
      await until("its turn", async () => (await other.work()).ran === 1);
      const before = await stored();
      away = false;
      taken.open();
      await until("its end", () => seen.length > 0);
      await stop(); // once what it still writes has been refused
      assertEquals(seen.includes("step"), false);
      assertEquals(await stored(), before);
      const state = await clientOf(other.handle).job(job).poll();
      assertEquals(state, { status: "done", result: "other" });
      await other.stop();
    }, {
      tools: toolsOf("first"),
      store: (kv) => faultyKv(kv, () => away ? "refuses" : undefined),
      jobs: { leaseMs: 1000 },
    });
  }
});

Deno.test("every row of SECURITY.md's table has a test by its name", async () => {
  const read = (path: string) =>
    Deno.readTextFile(new URL(path, import.meta.url));
  const rows = (await read("../SECURITY.md")).split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split("|")[1].trim()).slice(2);
  const files = ["test", "client_test", "mcp_test"]
    .map((name) => `security_${name}.ts`);
  const code = (await Promise.all(files.map(read))).join("\n");
  const threats = code.matchAll(/^threat\(\s*"(.+?)",/gm);
  assertEquals(Array.from(threats, ([, name]) => name), rows);
});
