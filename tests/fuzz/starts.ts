/** Starts of jobs: repeated, replayed, conflicting, large, and very many at once. */
import fc from "npm:fast-check@4.10.2";
import { request, signatureOf } from "../support/envelopes.ts";
import {
  CLIENT_ID,
  OTHER_ID,
  OTHER_SECRET,
  SECRET,
  SERVER_ID,
} from "../support/parties.ts";
import { checkAftermath } from "./aftermath.ts";
import { checkAnswer } from "./envelope_answer.ts";
import { writeMcp } from "./mcp_draft.ts";
import { NOW, type ObservedServer, observedServer } from "./observed_server.ts";
import type { Kind } from "./run.ts";
import { brief, must } from "./violation.ts";

interface Step {
  readonly tool: "keep" | "prepared" | "take";
  readonly client: string;
  readonly requestId: string;
  readonly nonce: number;
  /** Characters of the argument. */
  readonly size: number;
}

type StartCase =
  | { readonly steps: readonly Step[] }
  | { readonly atOnce: number; readonly by: "envelopes" | "a batch" };

const LIMIT = 3;
/** What a job takes in the store beside its arguments and its result. */
const ROOM = 20_000;

export const starts: Kind<StartCase> = {
  name: "starts",
  cases: fc.oneof<fc.MaybeWeightedArbitrary<StartCase>[]>(
    {
      weight: 20,
      arbitrary: fc.record({
        steps: fc.array(
          fc.record({
            tool: fc.constantFrom("keep", "keep", "prepared", "take"),
            client: fc.constantFrom(CLIENT_ID, CLIENT_ID, OTHER_ID),
            requestId: fc.constantFrom("r1", "r1", "r2"),
            nonce: fc.nat({ max: 3 }),
            size: fc.oneof(
              fc.constantFrom(1, 2, 16_000, 20_000, 130_000),
              fc.integer({ min: 1, max: 3 }),
            ),
          }),
          { minLength: 1, maxLength: 6 },
        ),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        atOnce: fc.integer({ min: 1, max: 40 }),
        by: fc.constantFrom("envelopes", "a batch"),
      }),
    },
  ),
  async open() {
    const server = await Promise.resolve(observedServer());
    return {
      async check(value) {
        server.forget();
        if ("steps" in value) await checkSteps(server, value.steps);
        else await checkLimit(value);
      },
      close: () => server.stop(),
    };
  },
};

function envelope({ tool, client, requestId, nonce, size }: Step): string {
  const fields = {
    v: "mcp/0.1",
    request_id: requestId,
    ts_ms: NOW,
    client_id: client,
    server_id: SERVER_ID,
    tool,
    args: { value: "x".repeat(size) },
    nonce: `nonce-of-sixteen-or-more-${nonce}`,
  };
  const signature = signatureOf(fields, secretOf(client));
  return JSON.stringify({ ...fields, signature });
}

function secretOf(client: string): string {
  return client === OTHER_ID ? OTHER_SECRET : SECRET;
}

/** The protocol's own order: the nonce first, then what the request id started. */
async function checkSteps(
  server: ObservedServer,
  steps: readonly Step[],
): Promise<void> {
  const spent = new Set<string>();
  const jobs = new Map<string, Step>();
  let room = 0;
  for (const step of steps) {
    const { tool, client, requestId, nonce, size } = step;
    const isJob = tool !== "take";
    const nonceKey = `${client} ${nonce}`;
    const jobKey = `${client} ${requestId}`;
    const known = isJob ? jobs.get(jobKey) : undefined;
    const isSame = known?.tool === tool && known.size === size;
    const expected = spent.has(nonceKey)
      ? "replayed"
      : known && !isSame
      ? "idempotency_conflict"
      : isJob
      ? "accepted"
      : "ok";
    const sent = await server.send(request(envelope(step)));
    const { code } = checkAnswer(sent, {
      requestId,
      serverId: SERVER_ID,
      secret: secretOf(client),
    });
    const seen = () => `${code} and not ${expected}: ${brief(sent.text)}`;
    must(
      code === expected,
      expected === "replayed" || code === "replayed"
        ? "nothing is accepted twice"
        : "a job starts once",
      seen,
    );
    const refused = code === "replayed" || code === "idempotency_conflict";
    checkAftermath(sent, { known: true, refused });
    if (refused) continue;
    spent.add(nonceKey);
    const runs = sent.runs.filter((run) => run.tool === tool);
    must(
      runs.length === (known ? 0 : 1),
      "a job starts once",
      () => `it ran ${runs.length} times for ${code}: ${brief(step)}`,
    );
    if (!isJob || known) continue;
    jobs.set(jobKey, step);
    room += ROOM + 3 * size;
  }
  must(
    server.kv.bytes() <= room + 100 * steps.length,
    "a refused call changes nothing",
    () => `${server.kv.bytes()} bytes are kept of ${room}: ${brief(steps)}`,
  );
}

/** As many as come, no more than the limit are taken. */
async function checkLimit(
  { atOnce, by }: Extract<StartCase, { atOnce: number }>,
): Promise<void> {
  const observed = observedServer({
    jobs: { maxUnfinished: LIMIT },
    mcp: { authenticate: () => Promise.resolve({ id: CLIENT_ID }) },
  });
  const { handle } = observed.server;
  let answered: Promise<unknown> | undefined;
  try {
    if (by === "envelopes") {
      await Promise.all(
        Array.from({ length: atOnce }, async (_, i) => {
          const body = waiting(`r${i}`);
          await (await handle(request(body))).body?.cancel();
        }),
      );
    } else {
      const draft = {
        method: "tools/call",
        params: { name: '"waits"', arguments: "{}" },
        changes: [],
      };
      const { body, headers } = writeMcp({
        revision: "2025-03-26",
        messages: Array.from(
          { length: Math.max(2, atOnce) },
          (_, i) => ({ ...draft, id: String(i) }),
        ),
        batch: true,
        headers: [],
        space: "",
        edits: [],
        bytes: [],
      });
      const url = "http://localhost/mcp";
      const sent = new Request(url, { method: "POST", headers, body });
      answered = handle(sent); // waits for the jobs, which do not end
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const active = observed.kv.keys().filter((key) => key[2] === "job").length;
    must(
      active <= LIMIT,
      "a limit on jobs holds",
      () => `more than ${LIMIT} by ${by}: ${active} of ${atOnce}`,
    );
  } finally {
    await endAll(observed, answered);
    await observed.stop();
  }
}

/** Cancels jobs until nobody waits for one; a batch may start the next. */
async function endAll(
  { kv, server }: ObservedServer,
  answered: Promise<unknown> | undefined,
): Promise<void> {
  let isAnswered = answered === undefined;
  answered?.finally(() => isAnswered = true);
  for (let round = 0; round === 0 || !isAnswered; round++) {
    for (const [, , kind, id] of kv.keys()) {
      if (kind !== "job") continue;
      const body = cancelling(String(id), round);
      await (await server.handle(request(body))).body?.cancel();
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function waiting(requestId: string): string {
  return signedCall(requestId, "waits", {});
}

function cancelling(id: string, round: number): string {
  return signedCall(`cancel-${id}-${round}`, "cancel_job", { job_id: id });
}

function signedCall(requestId: string, tool: string, args: object): string {
  const fields = {
    v: "mcp/0.1",
    request_id: requestId,
    ts_ms: NOW,
    client_id: CLIENT_ID,
    server_id: SERVER_ID,
    tool,
    args,
    nonce: `nonce-of-sixteen-or-more-${requestId}`,
  };
  return JSON.stringify({ ...fields, signature: signatureOf(fields, SECRET) });
}
