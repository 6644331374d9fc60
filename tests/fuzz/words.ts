/** The words of a running job: its progress, its questions, its log. */
import fc from "npm:fast-check@4.10.2";
import { request } from "../support/envelopes.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "../support/parties.ts";
import { checkAftermath } from "./aftermath.ts";
import { checkAnswer, type EnvelopeAnswer } from "./envelope_answer.ts";
import { write } from "./envelope_draft.ts";
import { type ObservedServer, observedServer } from "./observed_server.ts";
import type { Kind } from "./run.ts";
import { text } from "./texts.ts";
import { brief, must } from "./violation.ts";

interface WordsCase {
  /** What the job says, everywhere. */
  readonly words: string;
  readonly fraction: number;
}

export const words: Kind<WordsCase> = {
  name: "words",
  weight: 0.5,
  cases: fc.record({
    words: text,
    fraction: fc.oneof(
      fc.constantFrom(0, 1, -0, 0.5),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(NaN, Infinity, -1, 1.0000000000000002),
    ),
  }),
  async open() {
    const server = await Promise.resolve(observedServer());
    return {
      async check(value) {
        server.forget();
        server.next = () => value;
        const started = await send(server, "mutters", "{}");
        const { result } = started;
        const id = result instanceof Map ? result.get("job_id") : undefined;
        must(
          typeof id === "string",
          "what is good is accepted",
          () => `a job does not start: ${started.sentence}`,
        );
        const named = JSON.stringify({ job_id: id });
        const polled = await send(server, "poll_job", named);
        must(
          polled.status === "running",
          "what is good is accepted",
          () => `a job with odd words ends: ${brief(polled.sentence)}`,
        );
        const listed = await send(server, "list_jobs", "{}");
        must(
          listed.status === "ok",
          "what is good is accepted",
          () => `jobs cannot be listed: ${brief(listed.sentence)}`,
        );
        await send(server, "cancel_job", named);
      },
      close: () => server.stop(),
    };
  },
};

async function send(
  server: ObservedServer,
  tool: string,
  args: string,
): Promise<EnvelopeAnswer> {
  const sent = await server.send(request(write({
    tool,
    args,
    client: CLIENT_ID,
    signer: "its secret",
    skewMs: 0,
    order: [],
    changes: [{ set: "nonce", to: `"nonce-of-sixteen-for-${tool}"` }],
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
  return answer;
}
