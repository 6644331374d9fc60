/** Tools that ask who called them: in rounds over MCP, and not at all elsewhere. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { defineTool, type } from "../mod.ts";
import { signed } from "./support/envelopes.ts";
import { stoppedClock } from "../src/testing/clock.ts";
import { call, type Changes, textOf } from "./support/mcp.ts";
import { withServer } from "./support/servers.ts";

const name = { message: "Who are you?", form: type({ name: "string >= 2" }) };

const tools = {
  delete_file: defineTool({
    description: "Asks who, then whether",
    input: type({ file: "string" }),
    run: async ({ file }, { ask }) => {
      const who = await ask("who", name);
      if (who.action !== "accept") return "nobody";
      const sure = await ask("sure", {
        message: `Delete ${file}?`,
        form: type({ yes: "boolean", "why?": "'old' | 'wrong'" }),
      });
      return sure.action === "accept" && sure.content.yes
        ? `${who.content.name} deleted ${file}`
        : `${file} stays`;
    },
  }),
  rename_file: defineTool({
    description: "Asks who",
    input: type({ file: "string" }),
    run: async (_args, { ask }) => (await ask("who", name)).action,
  }),
};

const HOUR_MS = 3_600_000;
const options = {
  tools,
  mcp: {
    // Whoever the header names: these tests are about what is bound to whom.
    authenticate: (request: Request) =>
      Promise.resolve({ id: request.headers.get("x-who") ?? "ada" }),
  },
};
const accept = (content: object) => ({ action: "accept", content });

Deno.test("answers of several rounds are carried by the caller to the end", () =>
  withServer(async (server) => {
    const file = { file: "a.txt" };
    const first = await call(server, "delete_file", file);
    assertEquals(first.result?.resultType, "input_required");
    assertEquals(first.result?.inputRequests, {
      who: {
        method: "elicitation/create",
        params: {
          mode: "form",
          message: "Who are you?",
          requestedSchema: {
            type: "object",
            properties: { name: { type: "string", minLength: 2 } },
            required: ["name"],
          },
        },
      },
    });
    const second = await call(server, "delete_file", file, {
      id: 2,
      params: {
        requestState: first.result?.requestState,
        inputResponses: { who: accept({ name: "Ada" }) },
      },
    });
    const asked = second.result?.inputRequests as { sure: object };
    assertEquals(Object.keys(asked), ["sure"]);
    assertStringIncludes(
      JSON.stringify(asked.sure),
      '"why":{"type":"string","enum":["old","wrong"]}',
    );
    const third = await call(server, "delete_file", file, {
      id: 3,
      params: {
        requestState: second.result?.requestState,
        inputResponses: { sure: accept({ yes: true }) },
      },
    });
    assertEquals(textOf(third), "Ada deleted a.txt");
  }, options));

Deno.test("an answer that does not fit is asked for again, saying why", () =>
  withServer(async (server) => {
    const said = await call(server, "delete_file", { file: "a.txt" }, {
      params: { inputResponses: { who: accept({ name: "A" }), else: {} } },
    });
    assertEquals(said.result?.resultType, "input_required");
    assertStringIncludes(JSON.stringify(said.result), "at least length 2");
  }, options));

Deno.test("a caller that declines is taken at its word", () =>
  withServer(async (server) => {
    const said = await call(server, "delete_file", { file: "a.txt" }, {
      params: { inputResponses: { who: { action: "decline" } } },
    });
    assertEquals(textOf(said), "nobody");
  }, options));

Deno.test("a client that cannot be asked is told what it lacks", () =>
  withServer(async (server) => {
    for (const capabilities of [{}, { elicitation: { url: {} } }]) {
      const said = await call(server, "delete_file", { file: "a.txt" }, {
        capabilities,
      });
      assertEquals([said.status, said.error?.code], [400, -32021]);
      assertEquals(said.error?.data, {
        requiredCapabilities: { elicitation: { form: {} } },
      });
    }
  }, options));

/** Ways to use a requestState that it was not given for. */
const MISUSES: [
  string,
  string,
  Changes & { tool?: string; file?: string; later?: number },
][] = [
  ["tampered with", "given to you", {}],
  ["another caller's", "given to you", { headers: { "x-who": "eve" } }],
  ["of other arguments", "given to you", { file: "b.txt" }],
  ["of another tool", "given to you", { tool: "rename_file" }],
  ["too old", "expired", { later: HOUR_MS + 1 }],
];

for (const [what, why, changes] of MISUSES) {
  Deno.test(`a requestState that is ${what} is refused`, () =>
    withServer(async (server) => {
      const { tool = "delete_file", file = "a.txt", later = 0 } = changes;
      const first = await call(server, "delete_file", { file: "a.txt" });
      let requestState = String(first.result?.requestState);
      if (what === "tampered with") {
        const [payload, mac] = requestState.split(".");
        const forged = decodeURIComponent(atob(payload))
          .replace('"answers":{}', '"answers":{"who":{"action":"decline"}}');
        requestState = `${btoa(encodeURIComponent(forged))}.${mac}`;
        assert(requestState !== first.result?.requestState);
      }
      server.clock.forward(later);
      const said = await call(server, tool, { file }, {
        ...changes,
        params: { requestState },
      });
      assertEquals([said.status, said.error?.code], [200, -32602]);
      assertStringIncludes(said.error?.message ?? "", why);
    }, { ...options, clock: stoppedClock(Date.now()) }));
}

Deno.test("the same requestState in the right hands is taken", () =>
  withServer(async (server) => {
    const first = await call(server, "delete_file", { file: "a.txt" });
    server.clock.forward(HOUR_MS - 1);
    const said = await call(server, "delete_file", { file: "a.txt" }, {
      params: { requestState: first.result?.requestState },
    });
    assertEquals(said.result?.resultType, "input_required");
  }, { ...options, clock: stoppedClock(Date.now()) }));

Deno.test("in an envelope a tool that must ask says what it would", () =>
  withServer(async ({ post }) => {
    const { status, answer } = await post(
      signed({
        tool: "delete_file",
        args: { file: "a.txt" },
      }),
    );
    assertEquals(status, 500);
    assertStringIncludes(String(answer.error), 'ask "Who are you?"');
  }, options));
