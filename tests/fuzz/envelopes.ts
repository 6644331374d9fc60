/** Envelopes: well and badly made, well and badly signed, altered, repeated. */
import fc from "npm:fast-check@4.10.2";
import { request } from "../support/envelopes.ts";
import {
  CLIENT_ID,
  OTHER_ID,
  OTHER_SECRET,
  SECRET,
  SERVER_ID,
} from "../support/parties.ts";
import { checkAftermath } from "./aftermath.ts";
import { measureBudget } from "./cost.ts";
import { checkAnswer, type EnvelopeAnswer } from "./envelope_answer.ts";
import { type Draft, draftCases, write } from "./envelope_draft.ts";
import { type Expected, expectedOf } from "./envelope_oracle.ts";
import {
  type ObservedServer,
  observedServer,
  type Sent,
} from "./observed_server.ts";
import type { Kind } from "./run.ts";
import { canonicalOf, exactOf, exactOfJs, type Value } from "./strict_json.ts";
import { brief, must } from "./violation.ts";

export const SECRET_OF: Readonly<Record<string, string>> = {
  [CLIENT_ID]: SECRET,
  [OTHER_ID]: OTHER_SECRET,
};

/** Tools whose nonce is not spent. */
const READS = ["read", "server_identity", "list_tools", "list_jobs"];

interface EnvelopeCase {
  readonly draft: Draft;
  /** Whether it is sent a second time. */
  readonly twice: boolean;
}

export const envelopes: Kind<EnvelopeCase> = {
  name: "envelope",
  weight: 3,
  cases: fc.record({
    draft: draftCases,
    twice: fc.boolean(),
  }),
  async open() {
    const server = observedServer();
    const budget = await measureBudget((bytes) => {
      server.forget();
      const numbers = Array(Math.floor(bytes / 2)).fill("0").join();
      return server.send(request(write(plainDraft(`[${numbers}]`)).slice()));
    });
    return {
      async check({ draft, twice }) {
        server.forget();
        const bytes = write(draft);
        const expected = expectedOf(bytes);
        const sent = await server.send(request(bytes.slice()));
        checkExchange(sent, expected);
        await budget.check(bytes.length, sent, () => {
          server.forget();
          return server.send(request(bytes.slice()));
        });
        if (twice) await repeat(server, bytes, expected);
      },
      close: () => server.stop(),
    };
  },
};

function plainDraft(value: string): Draft {
  return {
    tool: "take",
    args: `{"value":${value}}`,
    client: CLIENT_ID,
    signer: "its secret",
    skewMs: 0,
    order: [],
    changes: [],
    space: "",
    drafted: [],
    edits: [],
    bytes: [],
  };
}

/** Checks an answer against what the protocol says must be answered. */
export function checkExchange(sent: Sent, expected: Expected): EnvelopeAnswer {
  const { codes, requestId, caller } = expected;
  const answer = checkAnswer(sent, {
    requestId,
    serverId: SERVER_ID,
    secret: caller && SECRET_OF[caller],
  });
  const { code, signed } = answer;
  const seen = () =>
    `${code} and not ${codes.join(" or ")}: ${brief(sent.text)}`;
  must(
    caller !== undefined || !signed,
    "nothing forged is accepted",
    seen,
  );
  if (!codes.includes(code)) {
    const accepted = ["ok", "accepted", "running", "done"].includes(code);
    must(!accepted, "nothing forged is accepted", seen);
    must(!codes.includes("ok"), "what is good is accepted", seen);
    must(false, "the first check that fails is what is answered", seen);
  }
  const refused = answer.status === "error" && code !== "tool_failed" &&
    code !== "result_too_large";
  checkAftermath(sent, { known: caller !== undefined, refused });
  if (!refused) checkRuns(sent, expected);
  if (code === "ok" && ["take", "read"].includes(expected.tool ?? "")) {
    must(
      canonicalOf(answer.result) === canonicalOf(expected.args ?? new Map()),
      "a tool gets what was signed",
      () => `the result is another: ${brief(sent.text)}`,
    );
  }
  return answer;
}

function checkRuns({ runs }: Sent, expected: Expected): void {
  const { tool, args, caller } = expected;
  must(runs.length <= 1, "a call that must not repeat runs once", brief(runs));
  for (const run of runs) {
    if (expected.tool === undefined) continue; // told above
    must(
      run.tool === tool && caller !== undefined,
      "a tool runs for accepted calls only",
      () => `${run.tool}: for ${tool}`,
    );
    must(
      run.tool !== "forbidden" || caller === OTHER_ID,
      "a forbidden tool never runs",
      () => `for ${caller}`,
    );
    const got = exactOfJs(run.args);
    const signed = exactOf((args ?? new Map()) as Value, true);
    must(
      got === signed,
      "a tool gets what was signed",
      () => `another value: ${brief(got)} for ${brief(signed)}`,
    );
  }
}

async function repeat(
  server: ObservedServer,
  bytes: Uint8Array<ArrayBuffer>,
  expected: Expected,
): Promise<void> {
  const ran = server.runs.length > 0;
  const spends = ran && !READS.includes(expected.tool ?? "");
  const again = await server.send(request(bytes.slice()));
  if (!spends) return void checkExchange(again, expected);
  must(
    again.runs.length === 0,
    "nothing is accepted twice",
    () => `it ran again: ${brief(again.text)}`,
  );
  checkExchange(again, { ...expected, codes: ["replayed"] });
}
