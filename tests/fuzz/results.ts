/** Whatever a tool may return or throw, by every way that leads back. */
import fc from "npm:fast-check@4.10.2";
import { request } from "../support/envelopes.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "../support/parties.ts";
import { checkAftermath } from "./aftermath.ts";
import { checkAnswer } from "./envelope_answer.ts";
import { write } from "./envelope_draft.ts";
import { writeMcp } from "./mcp_draft.ts";
import { type ObservedServer, observedServer } from "./observed_server.ts";
import { HOSTILE } from "./odd_values.ts";
import {
  type Ending,
  endings,
  performEnding,
  type Wanted,
  wantedOf,
} from "./result_recipe.ts";
import { checkRpc } from "./rpc_answer.ts";
import type { Kind } from "./run.ts";
import { canonicalOf } from "./strict_json.ts";
import { brief, must } from "./violation.ts";

interface ResultCase {
  readonly ending: Ending;
  readonly by: "an envelope" | "a job" | "MCP";
}

export const results: Kind<ResultCase> = {
  name: "results",
  cases: fc.record({
    ending: endings,
    by: fc.constantFrom("an envelope", "a job", "MCP"),
  }),
  async open() {
    const server = await Promise.resolve(
      observedServer({ mcp: { authenticate: "none" } }),
    );
    return {
      async check({ ending, by }) {
        server.forget();
        server.next = () => performEnding(ending);
        const wanted = wantedOf(ending);
        const from = isHostile(ending) ? " from what throws at a look" : "";
        if (by === "MCP") await checkByMcp(server, wanted, from);
        else await checkByEnvelope(server, wanted, by === "a job", from);
      },
      close: () => server.stop(),
    };
  },
};

async function checkByEnvelope(
  server: ObservedServer,
  wanted: Wanted,
  isJob: boolean,
  from: string,
): Promise<void> {
  const sent = await server.send(request(write({
    tool: isJob ? "returns_later" : "returns",
    args: "{}",
    client: CLIENT_ID,
    signer: "its secret",
    skewMs: 0,
    order: [],
    changes: [],
    space: "",
    drafted: [],
    edits: [],
    bytes: [],
  })));
  const answer = checkAnswer(sent, {
    requestId: "request-1",
    serverId: SERVER_ID,
    secret: SECRET,
  });
  checkAftermath(sent, { known: true, refused: false });
  const { code, result, sentence } = answer;
  const what = () => `${code} for ${wanted.kind}${from}: ${brief(sent.text)}`;
  if (code === "accepted") {
    must(false, "a case ends", () => `a job does not end${from}: ${what()}`);
  }
  const ok = code === (isJob ? "done" : "ok");
  if (wanted.kind === "json") {
    must(ok, "what is good is accepted", what);
    must(
      canonicalOf(result) === canonicalOf(wanted.value),
      "a tool gets what was signed",
      () => `another result: ${what()}`,
    );
  } else if (wanted.kind !== "either") {
    must(
      code === "tool_failed" || code === "result_too_large",
      "a result that is not JSON fails, once",
      what,
    );
  }
  if (wanted.kind === "words") checkWords(sentence, wanted.words);
  if (wanted.kind === "no JSON") {
    must(
      server.runs.length === 1,
      "a result that is not JSON fails, once",
      () => `it ran again${from}: ${server.runs.length} times`,
    );
  }
  if (isJob || wanted.kind !== "no JSON") return;
  const errors = sent.lines.filter(({ level }) => level === "error");
  must(
    errors.length === 1 && errors[0].fields.error !== undefined,
    "a failure has a cause, logged once",
    () => `a result that is no JSON: ${errors.length} lines`,
  );
}

async function checkByMcp(
  server: ObservedServer,
  wanted: Wanted,
  from: string,
): Promise<void> {
  const { body, headers } = writeMcp({
    revision: "2026-07-28",
    messages: [{
      method: "tools/call",
      id: "1",
      params: { name: '"returns"', arguments: "{}" },
      changes: [],
    }],
    batch: false,
    headers: [],
    space: "",
    edits: [],
    bytes: [],
  });
  const sent = await server.send(
    new Request("http://localhost/mcp", { method: "POST", headers, body }),
  );
  const [answer] = checkRpc(sent);
  checkAftermath(sent, { known: true, refused: false });
  const { result, failed, code } = answer;
  const what = () =>
    `${code ?? "ok"} for ${wanted.kind}${from}: ${brief(sent.text)}`;
  if (wanted.kind === "json") {
    must(result !== undefined && !failed, "what is good is accepted", what);
    const structured = result.get("structuredContent");
    must(
      structured === undefined ||
        canonicalOf(structured) === canonicalOf(wanted.value),
      "a tool gets what was signed",
      () => `another result: ${what()}`,
    );
  } else if (wanted.kind !== "either") {
    must(
      failed || code !== undefined,
      "a result that is not JSON fails, once",
      what,
    );
  }
}

function isHostile(ending: Ending): boolean {
  const text = JSON.stringify(ending);
  return HOSTILE.some((name) => text.includes(`"${name}"`));
}

/** A tool's own words come whole, or cut between characters. */
function checkWords(sentence: string, words: string): void {
  const whole = words.toWellFormed();
  const known = sentence.replace(/(…|\.\.\.)$/, "");
  must(
    whole.startsWith(known) && (known.length === whole.length ||
      known.length >= 100),
    "texts are well formed",
    () =>
      `a tool's words come otherwise: ${brief(sentence)} for ${brief(words)}`,
  );
}
