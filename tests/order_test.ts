/** The order of checks in PROTOCOL.md: of two that fail, the first is what is answered. */
import { assert, assertEquals } from "@std/assert";
import { createServer, type ServerOptions, type WireCode } from "../mod.ts";
import { type Fields, request, signed } from "./support/envelopes.ts";
import { OTHER_SECRET, PARTIES } from "./support/parties.ts";
import { post } from "./support/servers.ts";
import { tools } from "./support/tools.ts";

/** What is wrong with a call, or with the server that it meets. */
interface Fault {
  readonly options?: Partial<ServerOptions>;
  readonly fields?: Fields;
  readonly secret?: string;
  readonly path?: string;
  readonly init?: RequestInit;
  /** What follows the body. */
  readonly padding?: string;
  /** A call that was accepted before. */
  readonly before?: Fields;
}

const start = { tool: "answers_now", args: { value: 1 } };
const nonce = "a-nonce-that-was-spent-before";

/** A call that fails each check, in the table's order. */
const FAULTS: Partial<Record<WireCode, Fault>> = {
  not_configured: {}, // whatever is sent
  not_found: { path: "/elsewhere" },
  method_not_allowed: { init: { method: "PUT" } },
  unsupported_media_type: { init: { headers: { "content-type": "text/x" } } },
  payload_too_large: { padding: " ".repeat(2000) },
  malformed: { fields: { extra: 1 } },
  wrong_server: { fields: { server_id: "mcp-server-002" } },
  unauthenticated: { secret: OTHER_SECRET },
  stale_timestamp: { fields: { ts_ms: 1 } },
  unavailable: {
    options: { kv: () => Promise.reject(new Error("no route to the store")) },
  },
  unknown_tool: { fields: { tool: "nothing" } },
  rate_limited: { options: { rateLimit: () => ({ retryAfterMs: 1000 }) } },
  invalid_args: { fields: { args: { value: "one" } } },
  replayed: {
    fields: { nonce },
    before: { tool: "echo", args: {}, nonce },
  },
  too_many_jobs: {
    options: { jobs: { maxUnfinished: 1 } },
    before: { tool: "waits_forever", args: {} },
  },
  idempotency_conflict: {
    fields: { request_id: "r-1" },
    before: { tool: "waits_forever", args: {}, request_id: "r-1" },
  },
};

/** What cannot fail in one call: a job that is there is no further one. */
const NEVER_BOTH = new Set(["too_many_jobs idempotency_conflict"]);

const codes = Object.keys(FAULTS) as WireCode[];

Deno.test("every check of PROTOCOL.md's table is tried here, in its order", async () => {
  const url = new URL("../PROTOCOL.md", import.meta.url);
  const table = (await Deno.readTextFile(url)).split("## Order of checks")[1];
  const rows = table.matchAll(/^\| \d+ +\|.*\| `(\w+)` +\|$/gm);
  // Two checks in a row may have one code.
  assertEquals([...new Set(Array.from(rows, ([, code]) => code))], codes);
});

for (const [i, code] of codes.entries()) {
  Deno.test(`${code} is what is answered, whatever later check fails, too`, async () => {
    assertEquals(await codeOf(code), code);
    for (const later of codes.slice(i + 1)) {
      if (NEVER_BOTH.has(`${code} ${later}`)) continue;
      assertEquals(await codeOf(code, later), code, `and ${later}`);
    }
  });
}

/** What a call with faults is answered with. */
async function codeOf(...failing: WireCode[]): Promise<string> {
  using kv = await Deno.openKv(":memory:");
  const faults = failing.map((code) => FAULTS[code] ?? {});
  const usual = { ...PARTIES, tools, kv, maxBodyBytes: 2000, log: () => {} };
  const earlier = createServer(usual);
  for (const { before } of faults) {
    if (before === undefined) continue;
    const { status } = await post(earlier.handle, signed(before));
    assert(status < 300);
  }
  const { handle, stop } = createServer(() => {
    if (failing.includes("not_configured")) throw new TypeError("not so");
    return Object.assign(usual, ...faults.map(({ options }) => options));
  });
  const response = await handle(requestWith(faults));
  const { error } = await response.json();
  await Promise.all([stop(), earlier.stop()]);
  return String(error).split(":")[0];
}

function requestWith(faults: readonly Fault[]): Request {
  const { secret, path = "/", padding = "" }: Fault = Object
    .assign({}, ...faults);
  const fields = Object.assign({}, ...faults.map(({ fields }) => fields));
  const init = Object.assign({}, ...faults.map(({ init }) => init));
  const call = request(signed({ ...start, ...fields }, secret) + padding, init);
  return new Request(new URL(path, call.url), call);
}
