/** Texts as tools, callers and libraries write them: none breaks an answer. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  CountersignError,
  createServer,
  defineTool,
  ToolError,
  type,
} from "../mod.ts";
import { writeJson } from "../src/json/write_json.ts";
import { carefulLog, consoleLog } from "../src/log.ts";
import { type Fields, isSignedFor, signed } from "./support/envelopes.ts";
import { call, mcpRequest } from "./support/mcp.ts";
import { PARTIES } from "./support/parties.ts";
import { withServer } from "./support/servers.ts";
import { until } from "./support/until.ts";

const HALF = "😀".slice(0, 1);
const nothing = type({});

/** Tools that write half a character, or what JSON has no word for, somewhere. */
const tools = {
  throws: defineTool({
    description: `Throws half a character ${HALF}`,
    title: HALF,
    input: nothing,
    run: (): string => {
      throw new ToolError(`The smile is ${"😀😀😀".slice(0, 3)}`, {
        issues: [{ path: [HALF, NaN], message: HALF }],
      });
    },
  }),
  throws_long: defineTool({
    description: "Throws far too much",
    input: nothing,
    run: (): string => {
      throw new ToolError(`x${"😀".repeat(50_000)}`);
    },
  }),
  tells: defineTool({
    description: "Tells of its progress, and logs, in half characters",
    input: nothing,
    run: (_args, { progress, log }) => {
      progress(0.5, `x${"😀".repeat(600)}`);
      progress(0.6, HALF);
      log(HALF, { half: HALF, big: 1n, long: "😀".repeat(5000) });
      return { ok: true };
    },
  }),
  tells_as_job: defineTool({
    description: "The same as a job, which then asks",
    input: nothing,
    job: { attempts: 1 },
    run: async (_args, { progress, ask }) => {
      progress(0.5, `x${"😀".repeat(600)}`);
      await ask("name", {
        message: `Who are you ${HALF}?`,
        form: type({ name: "string" }),
      });
      throw new ToolError(`x${"😀".repeat(600)}`);
    },
  }),
  returns: defineTool({
    description: "Returns what it is told to, of what is not JSON",
    input: type({ what: "string" }),
    run: ({ what }) => ({
      rows: [{ at: 1 }, {
        at: {
          date: new Date(0),
          bigint: 1n,
          nan: NaN,
          half: HALF,
          map: new Map(),
        }[what] as never,
      }],
    }),
  }),
};
const options = { tools, mcp: { authenticate: "none" as const } };

/** A request whose body says something else than its headers. */
async function changed(
  request: Request,
  from: string,
  to: string,
): Promise<Request> {
  const body = (await request.clone().text()).replace(from, () => to);
  return new Request(request, { body });
}

/** Whether a text is one, and its JSON has no escape of half a character. */
async function wholeText(response: Response): Promise<string> {
  const text = await response.text();
  assert(text.isWellFormed());
  assert(!/\\ud[89a-f]/i.test(text), `half a character in ${text}`);
  return text;
}

Deno.test("half a character from a tool becomes U+FFFD, on both protocols", async () => {
  await withServer(async (server) => {
    const { status, answer } = await server.post(
      signed({ tool: "throws", args: {} }),
    );
    assertEquals(status, 500);
    assert(isSignedFor(answer));
    assertStringIncludes(String(answer.error), "😀\ufffd");
    const mcp = mcpRequest("tools/call", { name: "throws", arguments: {} });
    assertStringIncludes(
      await wholeText(await server.handle(mcp)),
      "The smile is 😀\ufffd",
    );
    await wholeText(await server.handle(mcpRequest("tools/list")));
    const list = await server.post(signed({ tool: "list_tools", args: {} }));
    assertEquals(list.status, 200);
  }, options);
});

Deno.test("a long error of a tool's is sent whole, and ends between characters", async () => {
  await withServer(async (server) => {
    const { answer } = await server.post(
      signed({ tool: "throws_long", args: {} }),
    );
    assertEquals(answer.error, `tool_failed: x${"😀".repeat(50_000)}`);
  }, options);
});

Deno.test("progress and log lines are cut between characters", async () => {
  await withServer(async (server) => {
    const { notified, result } = await call(server, "tells", {}, {
      meta: { progressToken: 1 },
    });
    assertEquals(result?.structuredContent, { ok: true });
    const messages = notified.map(({ params }) => (params as Fields).message);
    assertEquals(messages, [`x${"😀".repeat(499)}`, "\ufffd"]);
    const line = server.lines.find(({ level }) => level === "info");
    assertEquals(line?.message, "\ufffd");
    assertEquals(line?.fields.half, "\ufffd");
    assertEquals(line?.fields.long, "😀".repeat(1000));
  }, options);
});

Deno.test("a job's progress, question and error keep it readable", async () => {
  await withServer(async (server) => {
    const start = await server.post(signed({ tool: "tells_as_job", args: {} }));
    const { job_id } = start.answer.result as { job_id: string };
    const poll = () =>
      server.post(signed({ tool: "poll_job", args: { job_id } }));
    const asked = await until("it asks", async () => {
      const { answer } = await poll();
      assertEquals(answer.ok, true);
      return (answer.result as Fields).questions ? answer : undefined;
    });
    const { message, questions } = asked.result as {
      message: string;
      questions: Record<string, { message: string }>;
    };
    assertEquals(message, `x${"😀".repeat(499)}`);
    assertEquals(questions.name.message, "Who are you \ufffd?");
    const answers = { name: { action: "decline" } };
    await server.post(
      signed({ tool: "answer_job", args: { job_id, answers } }),
    );
    const ended = await until("it ends", async () => {
      const { answer } = await poll();
      return answer.ok ? undefined : answer;
    });
    assertEquals(ended.error, `tool_failed: x${"😀".repeat(499)}`);
    const list = await server.post(signed({ tool: "list_jobs", args: {} }));
    assertEquals(list.status, 200);
  }, options);
});

Deno.test("a result that is not JSON is refused with its path, and logged once", async () => {
  const what = {
    date: "a Date",
    bigint: "a bigint",
    nan: "NaN",
    half: "a string with a lone surrogate",
    map: "a Map",
  };
  for (const [name, says] of Object.entries(what)) {
    await withServer(async (server) => {
      const sentence = `The tool's result is not JSON: $.rows[1].at is ${says}`;
      const args = { what: name };
      const { answer } = await server.post(signed({ tool: "returns", args }));
      assertEquals(answer.error, `tool_failed: ${sentence}`);
      assert(isSignedFor(answer));
      const { error } = await call(server, "returns", args);
      assertEquals(error?.message, sentence);
      const errors = server.lines.filter(({ level }) => level === "error");
      assertEquals(errors.map(({ message }) => message), [sentence, sentence]);
      for (const { fields } of errors) assert(fields.error instanceof Error);
    }, options);
  }
});

Deno.test("no text that a stranger sends is answered at length, or logged", async () => {
  const long = "😀".repeat(20_000);
  await withServer(async (server) => {
    const answers = [
      ...[
        JSON.stringify({ [long]: 1 }),
        `{"${long}":1,"${long}":2}`,
        `{"x":{"${long}":1e999}}`,
        JSON.stringify({ v: long, nonce: long }),
        signed({ tool: long }),
        `{"args":${"[".repeat(2000)}${"]".repeat(2000)}}`,
        `{"args":${"[".repeat(400_000)}`,
        `{"args":${'{"a":'.repeat(150_000)}0${"}".repeat(150_000)}}`,
      ].map((body) =>
        new Request("http://localhost/", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body,
        })
      ),
      mcpRequest("tools/call", { name: "throws", arguments: { [long]: 1 } }),
      await changed(
        mcpRequest("tools/call", { name: "throws", arguments: {} }),
        '"name":"throws"',
        `"name":"${long}"`,
      ),
      mcpRequest("tools/call", {
        name: "throws",
        arguments: JSON.parse("[".repeat(900) + "]".repeat(900)),
      }),
      await changed(mcpRequest("tools/list"), '"tools/list"', `"${long}"`),
      await changed(mcpRequest("tools/list"), "2026-07-28", long),
      mcpRequest("tools/list", { cursor: long }),
    ];
    for (const request of answers) {
      const response = await server.handle(request);
      const text = await wholeText(response);
      assert(text.length < 4000, `${text.length} characters: ${text}`);
      assert(response.status < 500, text);
    }
    assertEquals(server.lines, []);
  }, options);
});

Deno.test("an error's sentence is well-formed, whatever it is made of", () => {
  assertEquals(new CountersignError("malformed", HALF).message, "\ufffd");
  assertEquals(new ToolError(`${HALF}😀`).message, "\ufffd😀");
  const odd = new ToolError(undefined as unknown as string);
  assertEquals(odd.message, "undefined");
});

Deno.test("writeJson() writes what JSON.stringify does, but for half characters", () => {
  const values = [
    { a: "\\ud83d", b: "\\\\ud83d", c: ['\n"\\', "😀", "\\u0000\u0000"] },
    "C:\\udata",
    [1, null, { "\\ud": "\\" }],
  ];
  for (const value of values) {
    assertEquals(writeJson(value), JSON.stringify(value));
  }
  assertEquals(
    writeJson({ [HALF]: `${HALF}\\${HALF}` }),
    '{"\ufffd":"\ufffd\\\\\ufffd"}',
  );
});

Deno.test("a log that throws keeps no call from its answer", async () => {
  const said: unknown[][] = [];
  const error = console.error;
  console.error = (...words) => said.push(words);
  try {
    const { handle } = createServer({
      ...PARTIES,
      tools: { returns: tools.returns },
      nonces: { store: "memory" },
      log: () => {
        throw new Error("the disk is full");
      },
    });
    const response = await handle(
      new Request("http://localhost/", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: signed({ tool: "returns", args: { what: "nan" } }),
      }),
    );
    assertMatch((await response.json()).error, /^tool_failed: /);
    assertEquals(said.length, 1);
    carefulLog(consoleLog)("error", HALF, { big: 1n });
    assertEquals(said[1], ['{"level":"error","message":"\ufffd","big":"1"}']);
  } finally {
    console.error = error;
  }
});
