/** Every code of PROTOCOL.md's table, produced at a server. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createServer, HTTP_STATUS, type WireCode } from "../mod.ts";
import { request, signed } from "./support/envelopes.ts";
import {
  CLIENT_ID,
  OTHER_ID,
  OTHER_SECRET,
  SECRET,
  SERVER_ID,
} from "./support/parties.ts";
import { type Expected, type Refusal, refused } from "./support/refused.ts";
import { post, withServer } from "./support/servers.ts";

/** Checks that an answer is a refusal with the code at hand. */
type Refused = (
  answering: Response | Promise<Response>,
  expected?: Expected,
) => Promise<Refusal>;

/** `forbidden` is of 0.1: clients know it, no server says it. */
type SaidCode = Exclude<WireCode, "forbidden">;

interface Case {
  /** What is said of the code. */
  readonly name: string;
  readonly test: (refused: Refused) => Promise<void>;
}

const unsigned = { secret: "" };

const CASES: Record<SaidCode, Case> = {
  method_not_allowed: {
    name: "anything but POST is method_not_allowed, and names POST",
    test: (refused) =>
      withServer(async ({ handle }) => {
        const put = new Request("http://localhost/", {
          method: "PUT",
          body: "{}",
        });
        const { response } = await refused(handle(put), unsigned);
        assertEquals(response.headers.get("allow"), "POST");
      }),
  },

  not_found: {
    name: "a POST elsewhere is not_found",
    test: (refused) =>
      withServer(async ({ handle }) => {
        const astray = "http://localhost/elsewhere";
        await refused(
          handle(new Request(astray, request(signed()))),
          unsigned,
        );
      }),
  },

  unsupported_media_type: {
    name: "a body that is not declared as JSON is unsupported_media_type",
    test: (refused) =>
      withServer(async ({ handle }) => {
        for (const type of ["text/plain", "application/jsonp", ""]) {
          const headers = { "content-type": type };
          const { response } = await refused(
            handle(request(signed(), { headers })),
            unsigned,
          );
          assertEquals(response.headers.get("accept-post"), "application/json");
        }
      }),
  },

  payload_too_large: {
    name: "a body over the limit is payload_too_large, declared or streamed",
    test: (refused) =>
      withServer(async ({ handle }) => {
        const body = signed({ args: { numbers: Array(400).fill(1) } });
        await refused(handle(request(body)), unsigned);
        const streamed = new Blob([body]).stream();
        await refused(handle(request(streamed)), unsigned);
      }, { maxBodyBytes: 500 }),
  },

  malformed: {
    name: "what is no envelope is malformed",
    test: (refused) =>
      withServer(async ({ handle }) => {
        await refused(handle(request("[]")), unsigned);
      }),
  },

  wrong_server: {
    name: "a call signed for another server is wrong_server",
    test: (refused) =>
      withServer(async ({ handle }) => {
        const body = signed({ server_id: "mcp-server-002" });
        await refused(handle(request(body)), unsigned);
      }),
  },

  unauthenticated: {
    name: "a wrong signature and an unknown client are unauthenticated alike",
    test: (refused) =>
      withServer(async ({ handle }) => {
        const wrong = signed({ request_id: "same" }, OTHER_SECRET);
        const unknown = signed({ request_id: "same", client_id: "nobody" });
        const a = await refused(handle(request(wrong)), unsigned);
        const b = await refused(handle(request(unknown)), unsigned);
        assertEquals({ ...a.answer, ts_ms: 0 }, { ...b.answer, ts_ms: 0 });
        assert(a.response.headers.get("www-authenticate"));
      }),
  },

  stale_timestamp: {
    name:
      "a clock beyond the window is stale_timestamp, signed with the right time",
    test: (refused) =>
      withServer(async ({ handle }) => {
        for (const off of [-300_500, 300_500]) {
          const body = signed({ ts_ms: Date.now() + off });
          const { answer } = await refused(handle(request(body)));
          assert(Math.abs(Number(answer.ts_ms) - Date.now()) < 5000);
        }
        const just = signed({ ts_ms: Date.now() - 299_000 });
        assertEquals((await post(handle, just)).status, 200);
      }),
  },

  replayed: {
    name: "an envelope sent again is replayed",
    test: (refused) =>
      withServer(async ({ handle, post }) => {
        const body = signed();
        assertEquals((await post(body)).status, 200);
        await refused(handle(request(body)));
      }),
  },

  unknown_tool: {
    name:
      "a tool that is not there is unknown_tool, whatever Object has by that name",
    test: (refused) =>
      withServer(async ({ handle }) => {
        for (
          const tool of ["nothing", "constructor", "toString", "__proto__"]
        ) {
          await refused(handle(request(signed({ tool }))));
        }
      }),
  },

  rate_limited: {
    name: "a caller in haste is rate_limited before it has spent anything",
    test: (refused) => {
      let wait = 1500;
      return withServer(async ({ handle, post }) => {
        const body = signed();
        const { response } = await refused(handle(request(body)));
        assertEquals(response.headers.get("retry-after"), "2");
        wait = 0;
        assertEquals((await post(body)).status, 200);
      }, { rateLimit: () => wait > 0 ? { retryAfterMs: wait } : undefined });
    },
  },

  invalid_args: {
    name: "arguments that fail the schema are invalid_args, with every issue",
    test: (refused) =>
      withServer(async ({ handle }) => {
        const body = signed({ args: { numbers: ["1"], unit: "kg" } });
        const { answer } = await refused(handle(request(body)));
        assertEquals(answer.result, {
          issues: [
            {
              path: ["numbers", 0],
              message: "numbers[0] must be a number (was a string)",
            },
            { path: ["unit"], message: "unit must be removed" },
          ],
        });
      }),
  },

  idempotency_conflict: {
    name: "a request id that started another job is an idempotency_conflict",
    test: (refused) =>
      withServer(async ({ handle, post, kv }) => {
        const start = { tool: "answers_now", request_id: "one-and-only" };
        const args = { value: 1 };
        assertEquals((await post(signed({ ...start, args }))).status, 202);
        const otherArgs = signed({ ...start, args: { value: 2 } });
        await refused(handle(request(otherArgs)));
        // A refused call spends nothing.
        const { nonce } = JSON.parse(otherArgs);
        const spent = await kv.get(
          ["countersign", SERVER_ID, "nonce", CLIENT_ID, nonce],
        );
        assertEquals(spent.versionstamp, null);
        const otherTool = signed({ ...start, tool: "waits_forever", args: {} });
        await refused(handle(request(otherTool)));
      }),
  },

  job_not_found: {
    name:
      "another client's job and a made-up one are job_not_found, byte for byte",
    test: (refused) =>
      withServer(async ({ handle, post }) => {
        const { answer: started } = await post(
          signed({ tool: "answers_now", args: { value: 1 } }),
        );
        const { job_id } = started.result as { job_id: string };
        const texts = new Set<string>();
        for (const id of [job_id, "0".repeat(32)]) {
          for (const tool of ["poll_job", "cancel_job"]) {
            const call = { tool, request_id: "same", args: { job_id: id } };
            const body = signed(
              { ...call, client_id: OTHER_ID },
              OTHER_SECRET,
            );
            const response = await handle(request(body));
            texts.add(
              (await response.clone().text())
                .replace(/"ts_ms":\d+|"signature":"\w+"/g, ""),
            );
            await refused(response, { secret: OTHER_SECRET });
          }
        }
        assertEquals(texts.size, 1);
      }),
  },

  job_cancelled: {
    name: "a cancelled job's poll tells job_cancelled",
    test: (refused) =>
      withServer(async ({ handle, post }) => {
        const start = signed({ tool: "waits_forever", args: {} });
        const { job_id } = (await post(start)).answer.result as {
          job_id: string;
        };
        const cancel = signed({ tool: "cancel_job", args: { job_id } });
        const { answer } = await post(cancel);
        assertEquals(answer.result, { job_id, status: "cancelled" });
        const poll = signed({ tool: "poll_job", args: { job_id } });
        const told = await refused(handle(request(poll)), { status: 200 });
        assertEquals(told.answer.result, { job_id });
      }),
  },

  too_many_jobs: {
    name: "a client with too many unfinished jobs is told too_many_jobs",
    test: (refused) =>
      withServer(async ({ handle, post }) => {
        const start = (changes = {}, secret = SECRET) =>
          signed({ tool: "waits_forever", args: {}, ...changes }, secret);
        const second = { request_id: "the-second" };
        assertEquals((await post(start())).status, 202);
        assertEquals((await post(start(second))).status, 202);
        const { response } = await refused(handle(request(start())));
        assertEquals(response.headers.get("retry-after"), "5");
        // What was accepted is still answered, and others are not held up.
        assertEquals((await post(start(second))).status, 202);
        const other = start({ client_id: OTHER_ID }, OTHER_SECRET);
        assertEquals((await post(other)).status, 202);
      }, { jobs: { maxUnfinished: 2 } }),
  },

  tool_failed: {
    name: "a tool's own exception is tool_failed: logged, never shown",
    test: (refused) =>
      withServer(async ({ handle, lines }) => {
        const failing = request(signed({ tool: "fails", args: {} }));
        const { answer } = await refused(handle(failing));
        assertEquals(answer.error, "tool_failed: The tool failed");
        assertStringIncludes(String(lines[0].fields.error), "hunter2");
      }),
  },

  result_too_large: {
    name: "a result over the limit is result_too_large",
    test: (refused) =>
      withServer(async ({ handle }) => {
        const body = signed({ tool: "returns_much", args: { bytes: 50_000 } });
        await refused(handle(request(body)));
      }, { maxValueBytes: 10_000 }),
  },

  unavailable: {
    name:
      "a store that is away makes calls unavailable, with a time to come back",
    test: (refused) =>
      withServer(async ({ handle }) => {
        const { response } = await refused(handle(request(signed())));
        assertEquals(response.headers.get("retry-after"), "1");
      }, { kv: () => Promise.reject(new Error("no route to the store")) }),
  },

  not_configured: {
    name:
      "a server without its configuration is not_configured, naming what is missing",
    test: async (refused) => {
      const { handle } = createServer(() => {
        throw new TypeError("serverId is missing");
      });
      const { answer } = await refused(handle(request(signed())), unsigned);
      assertStringIncludes(String(answer.error), "serverId is missing");
    },
  },
};

for (const [code, { name, test }] of Object.entries(CASES)) {
  Deno.test(name, async () => {
    let seen = 0;
    await test(async (answering, expected) => {
      seen++;
      return await refused(code as WireCode, answering, expected);
    });
    assert(seen > 0, `Nothing was refused with ${code}`);
  });
}

Deno.test("every code of the table has a case here", () => {
  const known = Object.keys(HTTP_STATUS).filter((code) => code !== "forbidden");
  assertEquals(Object.keys(CASES).sort(), known.sort());
});

Deno.test("a tool that the client may not call is none, and not listed", async () => {
  await withServer(async ({ handle, post }) => {
    await refused("unknown_tool", handle(request(signed())));
    const { answer } = await post(signed({ tool: "list_tools", args: {} }));
    const names = (answer.result as { tools: { name: string }[] }).tools
      .map(({ name }) => name);
    assert(names.includes("echo") && !names.includes("batch_sum"));
    assertEquals((await post(signed({ tool: "echo", args: {} }))).status, 200);
  }, { clients: { [CLIENT_ID]: { secret: SECRET, tools: ["echo"] } } });
});
