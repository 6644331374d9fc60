import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createServer, HTTP_STATUS, type WireCode } from "../mod.ts";
import { ERRORS } from "../src/errors.ts";
import {
  CLIENT_ID,
  isSignedFor,
  OTHER_ID,
  OTHER_SECRET,
  request,
  SECRET,
  SERVER_ID,
  signed,
} from "./support/envelopes.ts";
import { post, withServer } from "./support/servers.ts";

/** Codes that the tests below have produced through `handle`. */
const produced = new Set<string>();

/** Sends a body and checks the refusal: status, code, signature, nothing but the envelope. */
async function refused(
  answering: Promise<Response>,
  code: WireCode,
  isSigned: boolean,
  httpStatus: number = HTTP_STATUS[code],
) {
  const response = await answering;
  const answer = await response.json();
  assertStringIncludes(String(answer.error), `${code}: `);
  assertEquals(response.status, httpStatus);
  assertEquals(
    Object.keys(answer).sort().join(),
    "error,ok,request_id,result,server_id,signature,status,ts_ms,v",
  );
  assertEquals([answer.v, answer.ok, answer.status], [
    "mcp/0.1",
    false,
    "error",
  ]);
  assertEquals(response.headers.get("content-type"), "application/json");
  assertEquals(response.headers.get("cache-control"), "no-store");
  if (isSigned) assert(isSignedFor(answer), "the answer is not signed");
  else assertEquals(answer.signature, "");
  const { signed } = ERRORS[code];
  assert(signed === "either" || (signed === "yes") === isSigned, signed);
  produced.add(code);
  return { answer, response };
}

Deno.test("anything but POST is method_not_allowed, and names POST", async () => {
  await withServer(async ({ handle }) => {
    const put = new Request("http://localhost/", { method: "PUT", body: "{}" });
    const { response } = await refused(
      handle(put),
      "method_not_allowed",
      false,
    );
    assertEquals(response.headers.get("allow"), "POST");
  });
});

Deno.test("a POST elsewhere is not_found", async () => {
  await withServer(async ({ handle }) => {
    const astray = new Request("http://localhost/elsewhere", request(signed()));
    await refused(handle(astray), "not_found", false);
  });
});

Deno.test("a body that is not declared as JSON is unsupported_media_type", async () => {
  await withServer(async ({ handle }) => {
    for (const type of ["text/plain", "application/jsonp", ""]) {
      const headers = { "content-type": type };
      const { response } = await refused(
        handle(request(signed(), { headers })),
        "unsupported_media_type",
        false,
      );
      assertEquals(response.headers.get("accept-post"), "application/json");
    }
  });
});

Deno.test("a body over the limit is payload_too_large, declared or streamed", async () => {
  await withServer(async ({ handle }) => {
    const body = signed({ args: { numbers: Array(400).fill(1) } });
    await refused(handle(request(body)), "payload_too_large", false);
    const streamed = new Blob([body]).stream();
    await refused(handle(request(streamed)), "payload_too_large", false);
  }, { maxBodyBytes: 500 });
});

Deno.test("what is no envelope is malformed, and says what to mend", async () => {
  await withServer(async ({ handle }) => {
    const bodies = {
      "": "not JSON",
      "[]": "must be",
      "null": "must be",
      '{"v":"mcp/0.1"}': "nonce must be",
      [signed({ v: "mcp/0.2" })]: 'v must be "mcp/0.1"',
      [signed({ extra: 1 })]: "extra must be removed",
      [signed({ args: [1] })]: "args must be an object, not an array",
      [signed({ ts_ms: 1.5 })]: "ts_ms must be an integer",
      [signed({ nonce: "short" })]: "nonce must be",
      [signed({ request_id: "with space" })]: "request_id must be",
      [`{"a":1e400,${signed().slice(1)}`]: "a is 1e400, beyond every double",
      [signed().replace("[1,2,3]", "[1,2,1e400]")]: "Infinity",
      [signed().replace('"args"', '"tool":"fails","args"')]: '"tool" twice',
      [
        signed({ args: { numbers: [1], deep: { x: 1 } } })
          .replace('"x":1', '"x":1,"\\u0078":1')
      ]: '"x" twice',
      [signed().replace('"args":', '"args":{"s":"\\ud800"},"arg":')]: "arg",
      [`\ufeff${signed()}`]: "not JSON",
    };
    for (const [body, says] of Object.entries(bodies)) {
      const { answer } = await refused(
        handle(request(body)),
        "malformed",
        false,
      );
      assertStringIncludes(String(answer.error), says);
    }
    const invalidUtf8 = new Uint8Array([0x22, 0xff, 0x22]);
    await refused(handle(request(invalidUtf8)), "malformed", false);
  });
});

Deno.test("lone surrogates and nesting beyond 64 are malformed", async () => {
  await withServer(async ({ handle }) => {
    const surrogate = signed().replace("[1,2,3]", '"\\ud800"');
    const { answer } = await refused(
      handle(request(surrogate)),
      "malformed",
      false,
    );
    assertStringIncludes(String(answer.error), "lone surrogate");
    const deep = signed().replace(
      "[1,2,3]",
      "[".repeat(100_000) + "]".repeat(100_000),
    );
    await refused(handle(request(deep)), "malformed", false);
  });
});

Deno.test("a call signed for another server is wrong_server", async () => {
  await withServer(async ({ handle }) => {
    const body = signed({ server_id: "mcp-server-002" });
    await refused(handle(request(body)), "wrong_server", false);
  });
});

Deno.test("a wrong signature and an unknown client are unauthenticated alike", async () => {
  await withServer(async ({ handle }) => {
    const wrong = request(signed({ request_id: "same" }, OTHER_SECRET));
    const unknown = request(
      signed({ request_id: "same", client_id: "nobody" }),
    );
    const a = await refused(handle(wrong), "unauthenticated", false);
    const b = await refused(handle(unknown), "unauthenticated", false);
    assertEquals({ ...a.answer, ts_ms: 0 }, { ...b.answer, ts_ms: 0 });
    assert(a.response.headers.get("www-authenticate"));
  });
});

Deno.test("a clock beyond the window is stale_timestamp, signed with the right time", async () => {
  await withServer(async ({ handle }) => {
    for (const off of [-300_500, 300_500]) {
      const body = signed({ ts_ms: Date.now() + off });
      const { answer } = await refused(
        handle(request(body)),
        "stale_timestamp",
        true,
      );
      assert(Math.abs(answer.ts_ms - Date.now()) < 5000);
    }
    const just = signed({ ts_ms: Date.now() - 299_000 });
    assertEquals((await post(handle, just)).status, 200);
  });
});

Deno.test("an envelope sent again is replayed", async () => {
  await withServer(async ({ handle, post }) => {
    const body = signed();
    assertEquals((await post(body)).status, 200);
    await refused(handle(request(body)), "replayed", true);
  });
});

Deno.test("a tool that is not there is unknown_tool, whatever Object has by that name", async () => {
  await withServer(async ({ handle }) => {
    for (const tool of ["nothing", "constructor", "toString", "__proto__"]) {
      await refused(handle(request(signed({ tool }))), "unknown_tool", true);
    }
  });
});

Deno.test("a tool that the client may not call is forbidden, and not listed", async () => {
  const clients = { [CLIENT_ID]: { secret: SECRET, tools: ["echo"] } };
  await withServer(async ({ handle, post }) => {
    await refused(handle(request(signed())), "forbidden", true);
    const { answer } = await post(signed({ tool: "list_tools", args: {} }));
    const names = (answer.result as { tools: { name: string }[] }).tools
      .map(({ name }) => name);
    assert(names.includes("echo") && !names.includes("batch_sum"));
    assertEquals((await post(signed({ tool: "echo", args: {} }))).status, 200);
  }, { clients });
});

Deno.test("arguments that fail the schema are invalid_args, with every issue", async () => {
  await withServer(async ({ handle }) => {
    const body = signed({ args: { numbers: ["1"], unit: "kg" } });
    const { answer } = await refused(
      handle(request(body)),
      "invalid_args",
      true,
    );
    assertEquals(answer.result, {
      issues: [
        {
          path: ["numbers", 0],
          message: "numbers[0] must be a number (was a string)",
        },
        { path: ["unit"], message: "unit must be removed" },
      ],
    });
  });
});

Deno.test("a request id that started another job is an idempotency_conflict", async () => {
  await withServer(async ({ handle, post, kv }) => {
    const start = { tool: "answers_now", request_id: "one-and-only" };
    const args = { value: 1 };
    assertEquals((await post(signed({ ...start, args }))).status, 202);
    const otherArgs = signed({ ...start, args: { value: 2 } });
    await refused(handle(request(otherArgs)), "idempotency_conflict", true);
    // A refused call spends nothing.
    const spent = await kv.get([
      "countersign",
      SERVER_ID,
      "nonce",
      CLIENT_ID,
      JSON.parse(otherArgs).nonce,
    ]);
    assertEquals(spent.versionstamp, null);
    const otherTool = signed({ ...start, tool: "waits_forever", args: {} });
    await refused(handle(request(otherTool)), "idempotency_conflict", true);
  });
});

Deno.test("another client's job and a made-up one are job_not_found, byte for byte", async () => {
  await withServer(async ({ handle, post }) => {
    const { answer: started } = await post(
      signed({ tool: "answers_now", args: { value: 1 } }),
    );
    const { job_id } = started.result as { job_id: string };
    const texts = await Promise.all(
      [job_id, "0".repeat(32)].flatMap((id) =>
        ["poll_job", "cancel_job"].map(async (tool) => {
          const body = signed({
            tool,
            client_id: OTHER_ID,
            request_id: "same",
            args: { job_id: id },
          }, OTHER_SECRET);
          const response = await handle(request(body));
          assertEquals(response.status, 404);
          const text = await response.text();
          assert(isSignedFor(JSON.parse(text), OTHER_SECRET));
          assertStringIncludes(text, "job_not_found: ");
          return text.replace(/"ts_ms":\d+|"signature":"\w+"/g, "");
        })
      ),
    );
    assertEquals(new Set(texts).size, 1);
    produced.add("job_not_found");
  });
});

Deno.test("a cancelled job's poll tells job_cancelled", async () => {
  await withServer(async ({ handle, post }) => {
    const { answer } = await post(signed({ tool: "waits_forever", args: {} }));
    const { job_id } = answer.result as { job_id: string };
    const cancel = await post(signed({ tool: "cancel_job", args: { job_id } }));
    assertEquals(cancel.answer.result, { job_id, status: "cancelled" });
    const poll = signed({ tool: "poll_job", args: { job_id } });
    const told = await refused(
      handle(request(poll)),
      "job_cancelled",
      true,
      200,
    );
    assertEquals(told.answer.result, { job_id });
  });
});

Deno.test("a client with too many unfinished jobs is told too_many_jobs", async () => {
  await withServer(async ({ handle, post }) => {
    const start = () => signed({ tool: "waits_forever", args: {} });
    assertEquals((await post(start())).status, 202);
    const first = signed({
      tool: "waits_forever",
      args: {},
      request_id: "the-second",
    });
    assertEquals((await post(first)).status, 202);
    const { response } = await refused(
      handle(request(start())),
      "too_many_jobs",
      true,
    );
    assertEquals(response.headers.get("retry-after"), "5");
    // What was accepted is still answered, and others are not held up.
    const again = signed({
      tool: "waits_forever",
      args: {},
      request_id: "the-second",
    });
    assertEquals((await post(again)).status, 202);
    const other = signed(
      { tool: "waits_forever", args: {}, client_id: OTHER_ID },
      OTHER_SECRET,
    );
    assertEquals((await post(other)).status, 202);
  }, { jobs: { maxUnfinished: 2 } });
});

Deno.test("a caller in haste is rate_limited before it has spent anything", async () => {
  let wait = 1500;
  await withServer(async ({ handle, post }) => {
    const body = signed();
    const { response } = await refused(
      handle(request(body)),
      "rate_limited",
      true,
    );
    assertEquals(response.headers.get("retry-after"), "2");
    wait = 0;
    assertEquals((await post(body)).status, 200);
  }, { rateLimit: () => wait > 0 ? { retryAfterMs: wait } : undefined });
});

Deno.test("a tool's own exception is tool_failed: logged, never shown", async () => {
  await withServer(async ({ handle, lines }) => {
    const failing = request(signed({ tool: "fails", args: {} }));
    const { answer } = await refused(handle(failing), "tool_failed", true);
    assertEquals(answer.error, "tool_failed: The tool failed");
    assertStringIncludes(String(lines[0].fields.error), "hunter2");
  });
});

Deno.test("a ToolError is tool_failed with its own message", async () => {
  await withServer(async ({ post }) => {
    const { status, answer } = await post(
      signed({ tool: "refuses", args: {} }),
    );
    assertEquals(status, 500);
    assertEquals(
      answer.error,
      "tool_failed: The shelf is empty; fill it first",
    );
  });
});

Deno.test("a result that fails its schema or is not JSON is tool_failed", async () => {
  await withServer(async ({ handle }) => {
    for (const tool of ["breaks_its_word", "returns_a_date", "is_slow"]) {
      const body = signed({ tool, args: {} });
      await refused(handle(request(body)), "tool_failed", true);
    }
  });
});

Deno.test("a result over the limit is result_too_large", async () => {
  await withServer(async ({ handle }) => {
    const body = signed({ tool: "returns_much", args: { bytes: 50_000 } });
    await refused(handle(request(body)), "result_too_large", true);
  }, { maxValueBytes: 10_000 });
});

Deno.test("a store that is away makes calls unavailable, with a time to come back", async () => {
  await withServer(async ({ handle }) => {
    const { response } = await refused(
      handle(request(signed())),
      "unavailable",
      true,
    );
    assertEquals(response.headers.get("retry-after"), "1");
  }, { kv: () => Promise.reject(new Error("no route to the store")) });
});

Deno.test("a server without its configuration is not_configured, naming what is missing", async () => {
  const { handle } = createServer(() => {
    throw new TypeError("serverId is missing");
  });
  const { answer } = await refused(
    handle(request(signed())),
    "not_configured",
    false,
  );
  assertStringIncludes(String(answer.error), "serverId is missing");
});

Deno.test("every code of the table was produced above", () => {
  assertEquals([...produced].sort(), Object.keys(HTTP_STATUS).sort());
});
