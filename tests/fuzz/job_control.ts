/** Jobs polled, answered, cancelled and listed, by their owner and by others. */
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
import { checkAnswer, type EnvelopeAnswer } from "./envelope_answer.ts";
import { write } from "./envelope_draft.ts";
import { type ObservedServer, observedServer } from "./observed_server.ts";
import type { Kind } from "./run.ts";
import { jsonText, objectText } from "./json_texts.ts";
import { stringText, text } from "./texts.ts";
import { brief, must } from "./violation.ts";

interface ControlStep {
  readonly tool: "poll_job" | "answer_job" | "cancel_job" | "list_jobs";
  /** JSON text; `$JOB` stands for the job's id, `$MANY` and `$MORE` for long texts. */
  readonly args: string;
  readonly byOther: boolean;
}

/** Bytes that one job may take, whatever it was answered. */
const MOST_KEPT = 400_000;

const jobId = fc.oneof(
  { weight: 6, arbitrary: fc.constant('"job_id":"$JOB"') },
  { weight: 1, arbitrary: fc.constant('"request_id":"request-1"') },
  {
    weight: 1,
    arbitrary: fc.constant('"job_id":"$JOB","request_id":"request-1"'),
  },
  { weight: 1, arbitrary: stringText.map((id) => `"job_id":${id}`) },
  { weight: 1, arbitrary: stringText.map((id) => `"request_id":${id}`) },
  { weight: 1, arbitrary: jsonText.map((id) => `"job_id":${id}`) },
);

const reply = fc.oneof(
  {
    weight: 3,
    arbitrary: text.map((name) =>
      JSON.stringify({ action: "accept", content: { name } })
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '{"action":"decline"}',
      '{"action":"cancel"}',
      '{"action":"accept"}',
      '{"action":"accept","content":[]}',
      '{"action":"accept","content":{"name":"Ada"}}',
      `{"action":"accept","content":{"name":"$MANY"}}`,
      `{"action":"accept","content":{"more":"$MORE"}}`,
    ),
  },
  { weight: 1, arbitrary: jsonText },
  {
    weight: 1,
    arbitrary: objectText.map((content) =>
      `{"action":"accept","content":${content}}`
    ),
  },
);

const step: fc.Arbitrary<ControlStep> = fc.tuple(
  fc.oneof(
    fc.tuple(
      fc.constant("poll_job" as const),
      fc.tuple(
        jobId,
        fc.constantFrom(
          "",
          ',"wait_ms":0',
          ',"wait_ms":3',
          ',"wait_ms":-1',
          ',"wait_ms":25001',
          ',"wait_ms":1.5',
          ',"wait_ms":"5"',
        ),
      ).map((parts) => `{${parts.join("")}}`),
    ),
    fc.tuple(
      fc.constant("answer_job" as const),
      fc.tuple(
        jobId,
        fc.oneof(
          {
            weight: 4,
            arbitrary: fc.tuple(
              fc.constantFrom('"who"', '"who"', '"q.1"', '"__proto__"'),
              reply,
            ).map(([name, reply]) => `{${name}:${reply}}`),
          },
          { weight: 1, arbitrary: jsonText },
        ),
      ).map(([id, answers]) => `{${id},"answers":${answers}}`),
    ),
    fc.tuple(
      fc.constant("cancel_job" as const),
      jobId.map((id) => `{${id}}`),
    ),
    fc.tuple(
      fc.constant("list_jobs" as const),
      fc.oneof(
        fc.constantFrom(
          "{}",
          '{"limit":1}',
          '{"limit":0}',
          '{"limit":101}',
          '{"status":"running"}',
          '{"status":"done"}',
          '{"status":"x"}',
        ),
        stringText.map((cursor) => `{"cursor":${cursor}}`),
        objectText,
      ),
    ),
  ),
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
).map(([[tool, args], byOther]) => ({ tool, args, byOther }));

export const jobControl: Kind<readonly ControlStep[]> = {
  name: "job-control",
  cases: fc.array(step, { minLength: 1, maxLength: 5 }),
  async open() {
    const server = await Promise.resolve(observedServer());
    return {
      async check(steps) {
        server.forget();
        const started = await send(server, "asks", "{}", false);
        const { result } = started.answer;
        const id = result instanceof Map ? String(result.get("job_id")) : "";
        for (const [i, step] of steps.entries()) {
          await checkStep(server, id, step, i);
        }
      },
      close: () => server.stop(),
    };
  },
};

async function checkStep(
  server: ObservedServer,
  id: string,
  { tool, args, byOther }: ControlStep,
  i: number,
): Promise<void> {
  const { sent, answer } = await send(
    server,
    tool,
    args.replaceAll("$JOB", id)
      .replace("$MANY", "x".repeat(300_000))
      .replace("$MORE", "x".repeat(900_000)),
    byOther,
    i,
  );
  const { code, result } = answer;
  const what = () => `${tool} says ${code}: ${brief(sent.text)}`;
  const refused = answer.status === "error" && sent.status !== 200;
  checkAftermath(sent, { known: answer.signed, refused });
  if (byOther && code !== "malformed") {
    const told = tool === "list_jobs"
      ? !sent.text.includes(id)
      : ["job_not_found", "invalid_args"].includes(code);
    must(told, "another's job reads like none", what);
    must(
      sent.runs.length === 0 &&
        !sent.commits.some(({ set }) => set.some((key) => key[2] === "job")),
      "another's job reads like none",
      what,
    );
  }
  if (code === "done") {
    const name = result instanceof Map ? result.get("name") : undefined;
    must(
      typeof name === "string" && name.length >= 1 && name.length <= 64,
      "a tool gets what was signed",
      () => `a job was answered what does not fit: ${what()}`,
    );
  }
  must(
    server.kv.bytes() <= MOST_KEPT,
    "texts are bounded",
    () => `a job keeps too much: ${server.kv.bytes()} bytes`,
  );
}

async function send(
  server: ObservedServer,
  tool: string,
  args: string,
  byOther: boolean,
  i = -1,
): Promise<{
  sent: Awaited<ReturnType<ObservedServer["send"]>>;
  answer: EnvelopeAnswer;
}> {
  const bytes = write({
    tool,
    args,
    client: byOther ? OTHER_ID : CLIENT_ID,
    signer: "its secret",
    skewMs: 0,
    order: [],
    changes: [
      { set: "nonce", to: `"nonce-of-sixteen-or-more-${i}"` },
      ...i < 0 ? [] : [{ set: "request_id", to: `"request-of-step-${i}"` }],
    ],
    space: "",
    drafted: [],
    edits: [],
    bytes: [],
  });
  const sent = await server.send(request(bytes));
  const answer = checkAnswer(sent, {
    requestId: undefined,
    serverId: SERVER_ID,
    secret: byOther ? OTHER_SECRET : SECRET,
  });
  return { sent, answer };
}
