/** The Model Context Protocol, every revision, open to all. */
import type { Kind, Subject } from "./run.ts";
import { checkAftermath } from "./aftermath.ts";
import { type Budget, measureBudget } from "./cost.ts";
import { mcpDrafts } from "./mcp_cases.ts";
import { type McpDraft, type McpParts, MODERN, writeMcp } from "./mcp_draft.ts";
import {
  type ObservedServer,
  observedServer,
  type Sent,
} from "./observed_server.ts";
import { checkRpc, type RpcAnswer } from "./rpc_answer.ts";
import {
  canonicalOf,
  exactOf,
  exactOfJs,
  type JsonObject,
  readBytes,
  type Value,
} from "./strict_json.ts";
import { brief, must } from "./violation.ts";

export const mcp: Kind<McpDraft> = {
  name: "mcp",
  weight: 2,
  cases: mcpDrafts,
  async open(): Promise<Subject<McpDraft>> {
    const server = observedServer({ mcp: { authenticate: "none" } });
    const budget = await measureMcpBudget(server);
    return {
      async check(draft) {
        server.forget();
        const parts = writeMcp(draft);
        const sent = await server.send(mcpRequest(parts));
        checkMcp(sent, parts);
        await budget.check(parts.body.length, sent, () => {
          server.forget();
          return server.send(mcpRequest(parts));
        });
      },
      close: () => server.stop(),
    };
  },
};

export async function measureMcpBudget(
  server: ObservedServer,
): Promise<Budget> {
  return await measureBudget((bytes) => {
    server.forget();
    const numbers = Array(Math.floor(bytes / 2)).fill("0").join();
    return server.send(mcpRequest(writeMcp({
      revision: MODERN,
      messages: [{
        method: "tools/call",
        id: "1",
        params: { name: '"take"', arguments: `{"value":[${numbers}]}` },
        changes: [],
      }],
      batch: false,
      headers: [],
      space: "",
      edits: [],
      bytes: [],
    })));
  });
}

function mcpRequest({ body, headers }: McpParts): Request {
  return new Request("http://localhost/mcp", {
    method: "POST",
    headers,
    body: body.slice(),
  });
}

function checkMcp(sent: Sent, { body, headers }: McpParts): void {
  const answers = checkRpc(sent);
  const isRefusal = sent.status >= 400 ||
    (answers.length > 0 && answers.every(({ code }) => code !== undefined));
  // A tool that failed has run; nothing else that is refused has.
  const failed = answers.some(({ code, failed }) => failed || code === -32603);
  checkAftermath(sent, { known: true, refused: isRefusal && !failed });
  for (const answer of answers) checkInternal(answer, sent);
  const read = readBytes(body);
  if (read === undefined || read.problems.size > 0) {
    const [why] = read ? [...read.problems].sort() : ["no JSON"];
    must(
      sent.runs.length === 0,
      "a tool gets what was signed",
      () => `it ran for a body with ${why}: ${brief(sent.runs)}`,
    );
    const refused = answers.every(({ code }) => code !== undefined);
    must(
      refused && (answers.length > 0 || sent.status >= 400),
      "the first check that fails is what is answered",
      () => `a body with ${why} is not refused: ${brief(sent.text)}`,
    );
    return;
  }
  const messages = Array.isArray(read.value) ? read.value : [read.value];
  checkIds(messages, answers);
  checkLies(messages, headers, sent);
  checkGiven(messages, sent);
}

/** An internal error says in the log what it was. */
function checkInternal({ code, message }: RpcAnswer, { lines }: Sent): void {
  if (code !== -32603) return;
  const errors = lines.filter(({ level }) => level === "error");
  must(
    errors.length >= 1 && errors.every(({ fields }) => fields.error),
    "a failure has a cause, logged once",
    () => `-32603 without one: ${message}, ${errors.length} lines`,
  );
}

function checkIds(messages: Value[], answers: RpcAnswer[]): void {
  const asked = messages.map((one) =>
    one instanceof Map ? one.get("id") : undefined
  );
  for (const { id } of answers) {
    must(
      id === undefined ||
        asked.some((one) =>
          one !== undefined && canonicalOf(one) === canonicalOf(id)
        ),
      "an answer is of its form",
      () => `another id: ${brief(id)} for ${brief(asked)}`,
    );
  }
}

/** Headers that say something else than the body are never served. */
function checkLies(messages: Value[], headers: Headers, sent: Sent): void {
  const method = headers.get("mcp-method")?.trim();
  if (messages.length !== 1 || !method || sent.runs.length === 0) return;
  const [message] = messages;
  const actual = message instanceof Map ? message.get("method") : undefined;
  must(
    method === actual,
    "the first check that fails is what is answered",
    () => `Mcp-Method lies and a tool ran: ${method} for ${actual}`,
  );
  const name = headers.get("mcp-name")?.trim();
  if (!name || name.startsWith("=?")) return;
  const params = (message as JsonObject).get("params");
  const called = params instanceof Map ? params.get("name") : undefined;
  must(
    name === called,
    "the first check that fails is what is answered",
    () => `Mcp-Name lies and a tool ran: ${name} for ${called}`,
  );
}

/** What tools were given is what stands in the body. */
function checkGiven(messages: Value[], { runs, text }: Sent): void {
  const calls = messages.flatMap((message) => {
    const params = message instanceof Map ? message.get("params") : undefined;
    if (!(params instanceof Map)) return [];
    const args = params.get("arguments") ?? new Map();
    return [{ name: params.get("name"), args: exactOf(args, false) }];
  });
  for (const { tool, args } of runs) {
    const got = exactOfJs(args);
    const same = calls.some(({ name, args }) => name === tool && args === got);
    must(
      same,
      "a tool gets what was signed",
      () => `another value: ${brief(got)} for ${brief(calls)}, ${brief(text)}`,
    );
  }
  must(
    runs.length <= messages.length,
    "a call that must not repeat runs once",
    () => `more runs than calls: ${brief(runs)}`,
  );
}
