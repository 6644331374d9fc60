/** The first and the last instants at which something signed may be accepted. */
import { assert, assertEquals } from "@std/assert";
import { createServer, type KvLike, type ServerOptions } from "../mod.ts";
import { spendInMemory } from "../src/signing/nonce.ts";
import { request, signed } from "./support/envelopes.ts";
import { CLIENT_ID, PARTIES } from "./support/parties.ts";
import { signingClient } from "./support/signing_client.ts";
import { mcpRequest } from "./support/mcp.ts";
import { tools } from "./support/tools.ts";

const START = 1_800_000_000_250; // within a second: MCP's signatures count whole ones
const WINDOW = 5_000;

/** Makes a call that may be sent again and again; signed at `START`. */
type Call = () => Promise<() => Request>;

const calls: Record<string, { sign: Call; until: number }> = {
  "an envelope": {
    sign() {
      const body = signed({ ts_ms: START });
      return Promise.resolve(() => request(body));
    },
    until: START + WINDOW,
  },
  "an MCP request": {
    async sign() {
      const refusing = () => new Response(null, { status: 503 });
      const { fetch, sent: all } = signingClient(refusing, {
        now: () => START,
      });
      await fetch(mcpRequest("tools/call", {
        name: "batch_sum",
        arguments: { numbers: [1] },
      }));
      const [sent] = all;
      const { headers, url } = sent;
      const body = await sent.text();
      return () => new Request(url, { method: "POST", headers, body });
    },
    until: Math.floor(START / 1000) * 1000 + 90_000, // its life and the skew
  },
};

/** A server whose clock stands where the test puts it. */
function serverAt(clock: { now: number }, options: Partial<ServerOptions>) {
  return createServer({
    ...PARTIES,
    tools: { batch_sum: tools.batch_sum },
    clockWindowMs: WINDOW,
    now: () => clock.now,
    log: () => {},
    ...options,
  });
}

async function isAccepted(
  server: ReturnType<typeof serverAt>,
  request: Request,
): Promise<boolean> {
  const response = await server.handle(request);
  await response.body?.cancel();
  return response.status === 200;
}

/** A KV that forgets at the very instant it is told to, by a clock of its own. */
function exactKv(kv: Deno.Kv, clock: { now: number }): KvLike {
  const ends = new Map<string, { key: Deno.KvKey; at: number }>();
  const sweep = async () => {
    for (const [name, { key, at }] of ends) {
      if (at > clock.now) continue;
      ends.delete(name);
      await kv.delete(key);
    }
  };
  const plain: KvLike = kv;
  return {
    get: async (key) => (await sweep(), await plain.get(key)),
    getMany: async (keys) => (await sweep(), await plain.getMany(keys)),
    list: plain.list.bind(kv),
    atomic() {
      const atomic = plain.atomic();
      const set = atomic.set.bind(atomic);
      const commit = atomic.commit.bind(atomic);
      const ending: [string, { key: Deno.KvKey; at: number }][] = [];
      atomic.set = (key, value, options) => {
        if (options?.expireIn !== undefined) {
          const at = clock.now + options.expireIn;
          ending.push([key.join("\0"), { key: [...key], at }]);
        }
        return set(key, value);
      };
      atomic.commit = async () => {
        await sweep();
        const committed = await commit();
        if (committed.ok) ending.forEach(([name, end]) => ends.set(name, end));
        return committed;
      };
      return atomic;
    },
  };
}

/** Around the end of what may be accepted, and around every later second. */
function instantsFrom(until: number): number[] {
  const fine = Array.from({ length: 41 }, (_, i) => until - 20 + i);
  const coarse = Array.from({ length: 400 }, (_, i) => until - 5_000 + i * 250);
  return [...fine, ...coarse].sort((a, b) => a - b);
}

for (const [name, { sign, until }] of Object.entries(calls)) {
  Deno.test(`${name} is accepted through its last instant, and not after it`, async () => {
    for (
      const [late, accepted] of [[0, true], [0.5, false], [1, false]] as const
    ) {
      const server = serverAt({ now: until + late }, {
        nonces: { store: "memory" },
      });
      const again = await sign();
      assertEquals(await isAccepted(server, again()), accepted, `${late}`);
    }
  });

  Deno.test(`${name} is accepted once by a guard in memory, whatever the clock says then`, async () => {
    const clock = { now: START };
    const server = serverAt(clock, { nonces: { store: "memory" } });
    const again = await sign();
    const other = await sign();
    assert(await isAccepted(server, again()));
    for (const now of instantsFrom(until)) {
      clock.now = now;
      assert(!await isAccepted(server, again()), `again at ${now - until}`);
    }
    // Somebody else's call sweeps what is over, and the clock is set back.
    clock.now = until + 3_600_000;
    await isAccepted(server, request(signed({ ts_ms: clock.now })));
    for (const back of [START, until]) {
      clock.now = back;
      assert(!await isAccepted(server, again()), "the clock was set back");
    }
    clock.now = START;
    assert(!await isAccepted(server, other()), "what may have been forgotten");
  });

  Deno.test(`${name} is accepted once by instances whose clocks differ, over a KV that forgets on time`, async () => {
    using store = await Deno.openKv(":memory:");
    const [ahead, behind, true_] = [{ now: 0 }, { now: 0 }, { now: 0 }];
    const kv = exactKv(store, true_);
    const [first, second] = [serverAt(ahead, { kv }), serverAt(behind, { kv })];
    const again = await sign();
    // Each may be as far off as a client: five seconds for either protocol.
    const at = (now: number) => {
      true_.now = now;
      ahead.now = now + WINDOW;
      behind.now = now - WINDOW;
    };
    at(START);
    assert(await isAccepted(first, again()));
    for (const now of instantsFrom(until + WINDOW)) {
      at(now);
      assert(!await isAccepted(second, again()), `again at ${now - until}`);
    }
    await first.stop();
    await second.stop();
  });
}

Deno.test("a guard in memory still takes what is new after its clock was set back a little", async () => {
  let now = START;
  const spend = spendInMemory(() => now);
  const nonce = (value: string) => ({
    clientId: CLIENT_ID,
    value,
    expiresAt: now + 3 * WINDOW,
  });
  assertEquals(await spend(nonce("first")), true);
  now -= WINDOW;
  assertEquals(await spend(nonce("second")), true);
  assertEquals(await spend(nonce("second")), false);
});
