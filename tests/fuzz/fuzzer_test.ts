/** The fuzzer itself: what it is for it must find, and find again. */
import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@4.10.2";
import { CLIENT_ID, SECRET, SERVER_ID } from "../support/parties.ts";
import { checkAftermath } from "./aftermath.ts";
import { answerMac, checkAnswer, requestMac } from "./envelope_answer.ts";
import { write } from "./envelope_draft.ts";
import { expectedOf } from "./envelope_oracle.ts";
import { checkExchange } from "./envelopes.ts";
import { KINDS } from "./kinds.ts";
import { observedServer, type Sent } from "./observed_server.ts";
import { caseOf, type Kind, runKind } from "./run.ts";
import { readText, type Value } from "./strict_json.ts";
import { type Invariant, must, Violation } from "./violation.ts";

/** A kind whose cases fail where they hold a number above 100. */
const planted: Kind<number[]> = {
  name: "planted",
  cases: fc.array(fc.nat({ max: 1000 })),
  open: () =>
    Promise.resolve({
      check: (numbers) =>
        Promise.resolve(
          must(
            numbers.every((number) => number <= 100),
            "a case ends",
            "too large",
          ),
        ),
      close: () => Promise.resolve(),
    }),
};

Deno.test("A fault is found, counted, made small, and found again by its number", async () => {
  const options = { seed: 1, forMs: 60_000, cases: 50 };
  const { cases, findings } = await runKind(planted, options);
  assertEquals([cases, findings.length], [50, 1]);
  const [{ minimal, number, count, alone, key }] = findings;
  assertEquals([minimal, alone, key], [[101], true, "a case ends: too large"]);
  assert(count > 1);
  assert(caseOf(planted, 1, number).some((number) => number > 100));
  const again = await runKind(planted, options);
  assertEquals(again.findings, findings);
});

Deno.test("Another seed has other cases, the same seed the same", () => {
  for (const kind of KINDS) {
    const first = JSON.stringify(caseOf(kind, 1, 7));
    assertEquals(JSON.stringify(caseOf(kind, 1, 7)), first);
  }
  const seeds = Array.from(
    { length: 5 },
    (_, seed) => JSON.stringify(caseOf(planted, seed, 0)),
  );
  assert(new Set(seeds).size > 1);
});

const good = {
  tool: "take",
  args: '{"value":1}',
  client: CLIENT_ID,
  signer: "its secret" as const,
  skewMs: 0,
  order: [],
  changes: [],
  space: "",
  drafted: [],
  edits: [],
  bytes: [],
};

/** An honest exchange, of which something is then made up. */
async function exchange(draft = good): Promise<[Sent, Uint8Array]> {
  const server = observedServer();
  const bytes = write(draft);
  const request = new Request("http://localhost/", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: bytes.slice(),
  });
  try {
    return [await server.send(request), bytes];
  } finally {
    await server.stop();
  }
}

function assertViolates(check: () => void, invariant: Invariant): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return assertEquals(error.invariant, invariant);
  }
  throw new Error(`Nobody noticed: ${invariant}`);
}

/** The answer with members changed, its signature made anew if so wished. */
function altered(
  sent: Sent,
  changes: Record<string, Value>,
  signs = true,
): Sent {
  const envelope = readText(sent.text)?.value as Map<string, Value>;
  for (const [name, value] of Object.entries(changes)) {
    envelope.set(name, value);
  }
  if (signs) envelope.set("signature", answerMac(envelope, SECRET));
  const text = JSON.stringify(Object.fromEntries(envelope));
  return { ...sent, text, bytes: new TextEncoder().encode(text) };
}

Deno.test("An honest exchange violates nothing", async () => {
  const [sent, bytes] = await exchange();
  assertEquals(checkExchange(sent, expectedOf(bytes)).code, "ok");
});

Deno.test("A server's faults are told from an honest exchange, each by its name", async () => {
  const [sent, bytes] = await exchange();
  const expected = expectedOf(bytes);
  const faults: [Invariant, Sent][] = [
    ["a signed answer verifies", altered(sent, { ts_ms: 1 }, false)],
    ["no success is unsigned", altered(sent, { signature: "" }, false)],
    ["an answer is of its form", altered(sent, { extra: 1 })],
    ["an answer is of its form", altered(sent, { request_id: "another" })],
    ["status and code are of the table", { ...sent, status: 201 }],
    [
      "a tool gets what was signed",
      { ...sent, runs: [{ tool: "take", args: { value: 2 } }] },
    ],
    [
      "a call that must not repeat runs once",
      { ...sent, runs: [...sent.runs, ...sent.runs] },
    ],
    [
      "a tool runs for accepted calls only",
      { ...sent, runs: [{ tool: "sum", args: { value: 1 } }] },
    ],
    [
      "no secret is told",
      { ...sent, headers: new Headers({ "x-debug": SECRET }) },
    ],
    [
      "texts are well formed",
      {
        ...sent,
        lines: [{ level: "info", message: "\ud83d", fields: {} }],
      },
    ],
  ];
  for (const [invariant, fault] of faults) {
    assertViolates(() => checkExchange(fault, expected), invariant);
  }
});

Deno.test("A call that nobody signed counts as forged once it is accepted", async () => {
  const [sent] = await exchange();
  const expected = expectedOf(write({ ...good, signer: "nobody" as never }));
  assertEquals(expected.codes, ["unauthenticated"]);
  assertViolates(
    () => checkExchange(sent, expected),
    "who signs is of the table",
  );
});

Deno.test("What a refused call leaves behind is seen", async () => {
  const [sent] = await exchange();
  const refused = { ...sent, status: 401, runs: [], commits: [] };
  const standing = { known: false, refused: true };
  checkAftermath(refused, standing);
  const { commits, runs } = sent;
  assertEquals([commits.length, runs.length], [1, 1]);
  assertViolates(
    () => checkAftermath({ ...refused, commits }, standing),
    "a refused call changes nothing",
  );
  assertViolates(
    () => checkAftermath({ ...refused, runs }, standing),
    "a tool runs for accepted calls only",
  );
  const stack = {
    level: "error",
    message: "no",
    fields: { error: new Error("no") },
  };
  assertViolates(
    () => checkAftermath({ ...refused, lines: [stack] }, standing),
    "a stranger writes no stack trace",
  );
  assertViolates(
    () => checkAftermath({ ...refused, status: 503 }, standing),
    "a failure has a cause, logged once",
  );
});

Deno.test("The oracle reads the vectors as they were made", async () => {
  const file = new URL("../vectors/requests.json", import.meta.url);
  const vectors: { secret: string; body: string; signature: string }[] = JSON
    .parse(await Deno.readTextFile(file));
  assert(vectors.length > 5);
  for (const { secret, body, signature } of vectors) {
    const read = readText(body)?.value;
    assert(read instanceof Map);
    assertEquals(requestMac(read, secret), signature);
  }
});

Deno.test("checkAnswer refuses what is no envelope", async () => {
  const [sent] = await exchange();
  const text = "<html>";
  const page = { ...sent, text, bytes: new TextEncoder().encode(text) };
  assertViolates(
    () =>
      checkAnswer(page, {
        requestId: undefined,
        serverId: SERVER_ID,
        secret: SECRET,
      }),
    "an answer is of its form",
  );
});
