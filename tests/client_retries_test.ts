/** What the client sends again, as the table "Trying again" of PROTOCOL.md has it. */
import { assertEquals, assertRejects } from "@std/assert";
import type { Client } from "../mod.ts";
import { BUILTINS } from "../src/call/builtin.ts";
import { BUILTIN_NAMES } from "../src/client/send.ts";
import { clientOf } from "./support/clients.ts";
import { type Fields, responseKey, signatureOf } from "./support/envelopes.ts";
import { SERVER_ID } from "./support/parties.ts";
import { withServer } from "./support/servers.ts";

const protocol = await Deno.readTextFile(
  new URL("../PROTOCOL.md", import.meta.url),
);

/** The table's rows: what happened, and whether either kind of call is sent again. */
const table = new Map(
  protocol.split("## Trying again")[1].split("\n## ")[0].split("\n")
    .filter((line) => line.startsWith("| ")).slice(2)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
    .map(([what, ...cells]) =>
      [what, cells.map((cell) => !/^(\*\*)?do not/.test(cell))] as const
    ),
);

type First = (request: Request) => Response | Promise<Response>;

/** What happened, by the table's words. */
const FIRST_ANSWERS: Record<string, First[]> = {
  "no answer, or one that does not verify": [
    () => Promise.reject(new TypeError("connection reset")),
    () => new Response("<h1>It works</h1>"),
  ],
  "`unavailable` or `rate_limited`, signed": [
    refusal("unavailable"),
    refusal("rate_limited"),
  ],
  "`unavailable`, not signed": [refusal("unavailable", () => "")],
  "`stale_timestamp`, signed": [refusal("stale_timestamp")],
  "`replayed`": [refusal("replayed")],
  "any other error": ["forbidden", "tool_failed", "too_many_jobs"]
    .map((code) => refusal(code)),
};

function refusal(code: string, sign = signAnswer): First {
  return async (request) => {
    const { request_id } = await request.json();
    const answer = {
      v: "mcp/0.1",
      request_id,
      ts_ms: Date.now(),
      ok: false,
      server_id: SERVER_ID,
      status: "error",
      result: null,
      error: `${code}: A sentence`,
    };
    return Response.json({ ...answer, signature: sign(answer) });
  };
}

function signAnswer(answer: Fields): string {
  return signatureOf(answer, responseKey());
}

/** Calls that may arrive twice, and one that may not. */
const REPLAYABLE: Record<string, (client: Client) => Promise<unknown>> = {
  "a job's start": (client) => client.start("waits_forever"),
  "a replayable call": (client) =>
    client.call("echo", { value: 1 }, { replayable: true }),
  "identity": (client) => client.identity(),
  "tools": (client) => client.tools(),
  "jobs": (client) => Array.fromAsync(client.jobs()),
  "a handle's poll": (client) => client.job({ requestId: "r" }).poll(),
  "a handle's answer": (client) =>
    client.job({ requestId: "r" }).answer("q", { action: "cancel" }),
  "a handle's cancel": (client) => client.job({ requestId: "r" }).cancel(),
  ...Object.fromEntries(
    Object.keys(BUILTINS).map((name) => [
      `${name} by its name`,
      (client: Client) => client.call(name, {}),
    ]),
  ),
};

Deno.test("the client knows the server's built-in tools by their names", () => {
  assertEquals([...BUILTIN_NAMES].sort(), Object.keys(BUILTINS).sort());
});

Deno.test("every row of the table is tried below", () => {
  assertEquals([...table.keys()], Object.keys(FIRST_ANSWERS));
});

for (const [what, [replayable, other]] of table) {
  Deno.test(`after ${what} a call is sent ${other ? "again" : "no more"}`, async () => {
    const once = (client: Client) => client.call("echo", { value: 1 });
    for (const first of FIRST_ANSWERS[what]) {
      const sent = await tries(first, once);
      assertEquals(sent.length, other ? 2 : 1);
      // One nonce: whichever try arrives first, the server takes no other.
      assertEquals(distinct(sent, "nonce"), 1);
      assertEquals(distinct(sent, "request_id"), sent.length);
    }
  });

  Deno.test(`after ${what} what may arrive twice is sent ${replayable ? "again" : "no more"}`, async () => {
    const expected = replayable ? 2 : 1;
    await Promise.all(
      Object.entries(REPLAYABLE).flatMap(([name, call]) =>
        FIRST_ANSWERS[what].map(async (first) => {
          const sent = await tries(first, call);
          assertEquals(sent.length, expected, name);
          assertEquals(distinct(sent, "nonce"), sent.length);
          // A start's id makes it one job; others' make answers their own.
          const ids = name === "a job's start" ? 1 : sent.length;
          assertEquals(distinct(sent, "request_id"), ids, name);
        })
      ),
    );
  });
}

function distinct(sent: Fields[], member: string): number {
  return new Set(sent.map((envelope) => envelope[member])).size;
}

/** What a call sends whose first answer is `first`. */
async function tries(
  first: First,
  call: (client: Client) => Promise<unknown>,
): Promise<Fields[]> {
  const sent: Fields[] = [];
  await withServer(async ({ handle }) => {
    const client: Client = clientOf(async (request) => {
      sent.push(await request.clone().json());
      return await (sent.length === 1 ? first(request) : handle(request));
    }, { retries: 1 });
    await call(client).catch(() => {}); // what becomes of it is not the point
  });
  return sent;
}

Deno.test("a call that arrived twice on its way is answered all the same", async () => {
  await withServer(async ({ handle }) => {
    /** Delivers every body twice, and hands on the later answer. */
    const twice = async (request: Request) => {
      await handle(request.clone());
      return await handle(request);
    };
    let left = 1;
    const client = clientOf((request) =>
      left-- > 0 ? twice(request) : handle(request)
    );
    const job = await client.start("answers_now", { value: 7 });
    assertEquals(await job.result(), { value: 7 });
    left = 1;
    await assertRejects(
      () => client.call("echo", { value: 1 }),
      Error,
      "nonce was spent",
    );
  });
});
