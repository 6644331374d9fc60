/**
 * What somebody between a client and its server can do with what both have
 * signed: withhold it, and give it again later. Nobody forges anything here.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type ClientOptions,
  CountersignError,
  defineTool,
  type ServerOptions,
  type,
} from "../mod.ts";
import type { CallOptions } from "../src/client/mod.ts";
import { clientOf } from "./support/clients.ts";
import type { Fields } from "./support/envelopes.ts";
import { withServer } from "./support/servers.ts";
import { tools } from "./support/tools.ts";

/** What the server refuses before it does anything, and how it comes to. */
const REFUSALS = ["rate_limited", "unavailable", "stale_timestamp"] as const;
type Refusal = typeof REFUSALS[number];

/** Whoever calls. */
interface Party {
  pay(to: string, options?: CallOptions): Promise<string>;
  start(value: number, options?: CallOptions): Promise<unknown>;
}

/** A server whose first calls can be refused, and clients with somebody on the way. */
async function withPay(
  refusal: Refusal,
  use: (world: {
    ran: string[];
    server: (request: Request) => Promise<Response>;
    refuse(times: number): void;
    /** Moves the server's clock. */
    skip(ms: number): void;
    client(
      onTheWay: (request: Request) => Promise<Response>,
      options?: Partial<ClientOptions>,
    ): Party;
  }) => Promise<void>,
): Promise<void> {
  const ran: string[] = [];
  let refusals = 0;
  let later = 0;
  const pay = defineTool({
    description: "Pays",
    input: type({ to: "string" }),
    run({ to }) {
      ran.push(to);
      return `paid ${to}`;
    },
  });
  const options: Partial<ServerOptions> = {
    tools: { ...tools, pay } as never,
    now: () => Date.now() + later,
    rateLimit() {
      if (refusals <= 0 || refusal === "stale_timestamp") return;
      refusals--;
      if (refusal === "unavailable") throw new Error("the limiter is down");
      return { retryAfterMs: 1 };
    },
  };
  await withServer(({ handle }) =>
    use({
      ran,
      server: (request) => Promise.resolve(handle(request)),
      refuse: (times) => refusals = times,
      skip: (ms) => later += ms,
      client(onTheWay, options) {
        type Tools = typeof tools & { pay: typeof pay };
        const client = clientOf<Tools>(onTheWay, {
          // Ahead by 7 minutes, which its server refuses: time is to come.
          now: () => Date.now() + (refusal === "stale_timestamp" ? 420_000 : 0),
          ...options,
        });
        return {
          pay: (to, options) => client.call("pay", { to }, options),
          start: (value, options) =>
            client.start("answers_now", { value }, options),
        };
      },
    }), options);
}

async function codeOf(call: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(call, CountersignError)).code;
}

for (const requestId of [undefined, "chosen"]) {
  const whose = requestId ? "with an id of the user's own" : "without";
  for (const refusal of REFUSALS) {
    Deno.test(`one call ${whose} runs once, however often its ${refusal} is answered again`, async () => {
      await withPay(refusal, async ({ ran, server, refuse, client }) => {
        let first: Response | undefined;
        const { pay } = client(async (request) => {
          const response = await server(request);
          first ??= response;
          return first.clone();
        });
        refuse(1);
        const code = await codeOf(() => pay("Ada", { requestId }));
        assertEquals(code, "unverified_answer");
        assert(ran.length <= 1, `pay ran ${ran.length} times`);
      });
    });

    Deno.test(`one call ${whose} runs once, though its ${refusal} try is sent again later`, async () => {
      await withPay(refusal, async ({ ran, server, refuse, skip, client }) => {
        const sent: Request[] = [];
        const { pay } = client((request) => {
          sent.push(request.clone());
          return server(request);
        });
        refuse(1);
        assertEquals(await pay("Ada", { requestId }), "paid Ada");
        assert(sent.length > 1);
        for (const minutes of [0, 3, 3, 3, 3, 3]) {
          skip(minutes * 60_000);
          for (const request of sent) await server(request.clone());
        }
        assertEquals(ran, ["Ada"]);
      });
    });
  }
}

Deno.test("an answer passes for no other call with the same id", async () => {
  await withPay("rate_limited", async ({ server, client }) => {
    let first: Response | undefined;
    const { pay } = client(async (request) => {
      const response = await server(request);
      first ??= response;
      return first.clone();
    });
    const requestId = "chosen";
    assertEquals(await pay("Ada", { requestId }), "paid Ada");
    assertEquals(
      await codeOf(() => pay("Grace", { requestId })),
      "unverified_answer",
    );
  });
});

Deno.test("an answer from earlier is none to a call, or a start, with the same id", async () => {
  await withPay("rate_limited", async ({ server, skip, client }) => {
    const requestId = "chosen";
    const calls: ((party: Party) => Promise<unknown>)[] = [
      ({ pay }) => pay("Ada", { requestId }),
      ({ start }) => start(1, { requestId }),
    ];
    for (const call of calls) {
      let clock = 0;
      const now = () => Date.now() + clock;
      let kept: Response | undefined;
      await call(client(async (request) => {
        kept = await server(request);
        return kept.clone();
      }, { now }));
      clock = 301_000;
      skip(clock);
      // Another process, which has not seen it.
      const again = client(async (request) => {
        const { request_id } = await request.clone().json();
        return request_id === requestId && kept
          ? kept.clone()
          : await server(request);
      }, { now, retries: 0 });
      assertEquals(await codeOf(() => call(again)), "unverified_answer");
      skip(-clock);
    }
  });
});

Deno.test("a stale_timestamp from earlier does not move the clock", async () => {
  await withPay("rate_limited", async ({ ran, server, skip, client }) => {
    const requestId = "chosen";
    const calls: ((party: Party) => Promise<unknown>)[] = [
      ({ pay }) => pay("Ada", { requestId }),
      ({ start }) => start(1, { requestId }),
    ];
    for (const call of calls) {
      let stale: Response | undefined;
      skip(-3_600_000);
      await call(client(async (request) => {
        const response = await server(request);
        stale ??= response.clone();
        return response;
      }));
      skip(3_600_000);
      const off: number[] = [];
      await call(client(async (request) => {
        const { request_id, ts_ms }: Fields = await request.clone().json();
        off.push(Math.abs(Date.now() - Number(ts_ms)));
        const kept = request_id === requestId ? stale : undefined;
        stale = undefined;
        return kept ?? await server(request);
      }));
      assert(off.length > 1);
      assert(off.every((ms) => ms < 60_000), `off by ${off} ms`);
    }
    assertEquals(ran, ["Ada", "Ada"]);
  });
});

Deno.test("a start whose clock is off is sent again by a clock that was asked for", async () => {
  await withPay("rate_limited", async ({ server, skip, client }) => {
    skip(-3_600_000);
    for (const requestId of [undefined, "chosen"]) {
      const { start } = client(server);
      await start(1, { requestId });
    }
  });
});

Deno.test("a call is not answered by what its request id started as a job", () =>
  withPay("rate_limited", async ({ ran, server, client }) => {
    let kept: Response | undefined;
    const party = client(async (request) => {
      if (kept) return kept.clone(); // the call never arrives
      const response = await server(request);
      kept = response.clone();
      return response;
    });
    await party.start(1, { requestId: "mine" });
    const code = await codeOf(() => party.pay("me", { requestId: "mine" }));
    assertEquals([code, ran], ["unverified_answer", []]);
  }));
