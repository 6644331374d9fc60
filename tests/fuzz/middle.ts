/** A man in the middle: calls and answers lost, kept, sent again, given to others. */
import fc from "npm:fast-check@4.10.2";
import { createClient } from "../../src/client/mod.ts";
import { CountersignError } from "../../src/errors.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "../support/parties.ts";
import {
  NOW,
  type ObservedServer,
  observedServer,
  type Sent,
} from "./observed_server.ts";
import type { Kind } from "./run.ts";
import { brief, must } from "./violation.ts";

interface Action {
  readonly do: "pass" | "lose" | "drop" | "swap" | "answer" | "double";
  /** Which of the answers so far, counted from the newest. */
  readonly of: number;
}

interface MiddleCase {
  /** How many calls the server's own limit turns away first. */
  readonly limited: number;
  readonly clockMs: number;
  /** What befalls each try, of all calls together; then all are lost. */
  readonly actions: readonly Action[];
  readonly calls: readonly {
    readonly tool: "take" | "read" | "keep";
    readonly value: number;
    readonly requestId: string | undefined;
  }[];
}

const action: fc.Arbitrary<Action> = fc.record({
  do: fc.constantFrom("pass", "lose", "drop", "swap", "answer", "double"),
  of: fc.nat({ max: 3 }),
});

export const middle: Kind<MiddleCase> = {
  name: "middle",
  cases: fc.record({
    limited: fc.nat({ max: 3 }),
    clockMs: fc.constantFrom(0, 0, 0, -400_000, 400_000),
    actions: fc.array(action, { maxLength: 10 }),
    calls: fc.array(
      fc.record({
        tool: fc.constantFrom("take", "take", "take", "read", "keep"),
        value: fc.nat({ max: 2 }),
        requestId: fc.constantFrom(undefined, undefined, "mine"),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  async open() {
    let left = 0;
    const server = await Promise.resolve(observedServer({
      rateLimit: () => left-- > 0 ? { retryAfterMs: 0 } : undefined,
    }));
    const random = Math.random;
    Math.random = () => 0; // no jitter: nobody waits
    return {
      check(value) {
        server.forget();
        left = value.limited;
        return checkMiddle(server, value);
      },
      async close() {
        Math.random = random;
        await server.stop();
      },
    };
  },
};

async function checkMiddle(
  server: ObservedServer,
  { actions, calls, clockMs }: MiddleCase,
): Promise<void> {
  const left = [...actions];
  const answers: Sent[] = [];
  let violation: unknown; // what is thrown within a fetch is wrapped
  const client = createClient({
    url: "http://localhost/",
    clientId: CLIENT_ID,
    secret: SECRET,
    serverId: SERVER_ID,
    retries: 3,
    now: () => NOW + clockMs,
    fetch: async (request) => {
      const { do: what, of } = left.shift() ?? { do: "lose", of: 0 };
      const body = await request.text();
      const deliver = async () => {
        const { method, headers, url } = request;
        const copy = new Request(url, { method, headers, body });
        const sent = await server.send(copy).catch((error) => {
          throw violation = error;
        });
        answers.push(sent);
        return sent;
      };
      if (what === "drop") throw new TypeError("connection refused");
      if (what === "answer" && answers.length > 0) {
        return responseOf(answers.at(-1 - of) ?? answers[0]);
      }
      let sent = await deliver();
      if (what === "lose") throw new TypeError("connection reset");
      if (what === "double") sent = await deliver();
      if (what === "swap") sent = answers.at(-1 - of) ?? sent;
      return responseOf(sent);
    },
  });
  for (const { tool, value, requestId } of calls) {
    const before = server.runs.length;
    const options = { ...requestId !== undefined && { requestId } };
    const calling: Promise<unknown> = tool === "keep"
      ? client.start(tool, { value }, options)
      : client.call(tool, { value }, options);
    const got = await calling.then((value) => ({ value }), (error) => error);
    if (violation) throw violation;
    const ran = server.runs.slice(before);
    must(
      tool === "read" || ran.length <= 1,
      "a call that must not repeat runs once",
      () => `one ${tool} ran ${ran.length} times: ${brief(ran)}`,
    );
    if (got instanceof Error) {
      must(
        got instanceof CountersignError,
        "an error is of the documented kind",
        () => `a client rejects with a ${got.name}: ${got.message}`,
      );
      continue;
    }
    if (tool === "keep") continue;
    const result = JSON.stringify((got as { value: unknown }).value);
    must(
      result === JSON.stringify({ value }) &&
        (ran.length > 0 || tool === "read"),
      "a refused answer is never believed",
      () => `${tool} was given another's answer: ${result} for ${value}`,
    );
  }
}

function responseOf({ bytes, status, headers }: Sent): Response {
  return new Response(bytes.slice(), { status, headers });
}
