/**
 * Processes that share a store are killed, frozen for longer than a lease and
 * stopped while they work, and the store fails now and then. Every job that was
 * accepted ends once, as it should, and nothing is done again once it is kept;
 * `deno task chaos` does the same for longer.
 */
import { assert, assertEquals } from "@std/assert";
import { CountersignError, createServer, type JobHandle } from "../mod.ts";
import type { KvLike } from "../src/kv/kv.ts";
import { checkMarks, type Effects } from "./chaos/effects.ts";
import { startFleet } from "./chaos/nemesis.ts";
import { type ChaosTools, KINDS, openStore } from "./chaos/server.ts";
import { DENOKV, startDenokv } from "./kv_connect/denokv.ts";
import { clientOf } from "./support/clients.ts";
import { temporaryFolder } from "./support/folder.ts";
import { PARTIES, SERVER_ID } from "./support/parties.ts";
import { POSTGRES, startPostgres } from "./support/postgres.ts";

const JOBS = Number(Deno.env.get("CHAOS_JOBS") ?? 40);
const LEASE_MS = 1000;
const DAY_MS = 86_400_000;
/** How long jobs keep being started. */
const STARTS_MS = Math.max(3000, 12 * JOBS);
/** Which part of the jobs must have ended before the troubles do. */
const TROUBLED = 0.7;
const TOKEN = "a-token-of-the-chaos-test";

Deno.test("over a file, whatever befalls its processes, every accepted job ends once", async () => {
  await using folder = await temporaryFolder();
  await runChaos(folder.file("kv.db"), folder.file("marks"));
});

Deno.test({
  name:
    "over a denokv, whatever befalls its processes, every accepted job ends once",
  ignore: DENOKV === undefined,
  async fn() {
    await using folder = await temporaryFolder();
    await using served = await startDenokv(TOKEN);
    await runChaos(served.url, folder.file("marks"));
  },
});

Deno.test({
  name:
    "over PostgreSQL, killed itself in between, whatever befalls its processes, every accepted job ends once",
  ignore: POSTGRES === undefined,
  async fn() {
    await using folder = await temporaryFolder();
    await using database = await startPostgres();
    let over = false;
    const killer = (async () => {
      for (let kills = 0; kills < 3 && !over; kills++) {
        await pause(1500);
        await database.kill();
        await database.start();
      }
    })();
    await runChaos(database.url, folder.file("marks"));
    over = true;
    await killer;
  },
});

/** How a job ended, as its client was told. */
interface Told {
  readonly number: number;
  readonly kind: keyof ChaosTools;
  readonly requestId: string;
  /** The values of its steps; `undefined` for a job that failed. */
  readonly result: readonly string[] | undefined;
}

async function runChaos(store: string, marks: string): Promise<void> {
  const env = {
    KV: store,
    KV_TOKEN: TOKEN,
    MARKS: marks,
    LEASE_MS: String(LEASE_MS),
  };
  const file = new URL("./chaos/server.ts", import.meta.url);
  let told: Told[];
  let troubles: Record<string, number>;
  {
    await using fleet = await startFleet({
      count: 3,
      env,
      file,
      leaseMs: LEASE_MS,
      gapMs: 600,
    });
    troubles = fleet.troubles;
    let ended = 0;
    const enough = Promise.withResolvers<void>();
    const numbers = Array.from({ length: JOBS }, (_, number) => number);
    const following = numbers.map(async (number) => {
      const told = await follow(number, fleet.anyUrl);
      if (++ended >= TROUBLED * JOBS) enough.resolve();
      return told;
    });
    await Promise.race([enough.promise, Promise.all(following)]);
    await fleet.rest();
    told = await Promise.all(following);
    await checkAgain(told, fleet.anyUrl);
  }
  const effects = await checkMarks(marks);
  checkResults(told, effects);
  await checkStore(store);
  console.log(
    `${JOBS} jobs, ${effects.bodies} steps' bodies, ${effects.again} steps ` +
      `begun more than once; processes: ${JSON.stringify(troubles)}`,
  );
}

/** A client whose every call goes to some process, frozen or not. */
function clientOfAny(anyUrl: () => string) {
  return clientOf<ChaosTools>("http://any.process/", {
    retries: 100,
    fetch: (request) =>
      fetch(
        new Request(anyUrl(), request),
        { signal: AbortSignal.timeout(3 * LEASE_MS) },
      ),
  });
}

/** Starts a job, often twice, and follows it to its end. */
async function follow(number: number, anyUrl: () => string): Promise<Told> {
  const client = clientOfAny(anyUrl);
  await pause(Math.random() * STARTS_MS);
  const kind = KINDS[number % KINDS.length];
  const requestId = `request-${number}`;
  const start = () => client.start(kind, { number }, { requestId });
  const job = await start();
  if (Math.random() < 0.3) assertSameJob(job.id, (await start()).id);
  return { number, kind, requestId, result: await endOf(job) };
}

/** Ids say the same, unless the server never had to tell the job's own. */
function assertSameJob(id: string, other: string): void {
  const own = [id, other].filter((id) => !id.startsWith("request_id:"));
  assert(new Set(own).size <= 1, `one request has two jobs: ${own}`);
}

async function endOf(
  job: JobHandle<string[]>,
): Promise<string[] | undefined> {
  for (;;) {
    const state = await job.poll({ waitMs: 1000 });
    if (state.status === "done") return state.result;
    if (state.status !== "running") {
      if (state.error.code === "tool_failed") return undefined;
      throw state.error;
    }
    for (const name of Object.keys(state.questions ?? {})) {
      const reply = { action: "accept", content: { amount: 7 } } as const;
      await job.answer(name, reply).catch((error) => {
        // It was answered already, or it runs just now: the next poll tells.
        if (!(error instanceof CountersignError)) throw error;
      });
    }
  }
}

/** An end stays as it is, whoever is asked. */
async function checkAgain(
  told: readonly Told[],
  anyUrl: () => string,
): Promise<void> {
  const client = clientOfAny(anyUrl);
  for (const { number, kind, requestId, result } of told) {
    const job = await client.start(kind, { number }, { requestId });
    assertEquals(await endOf(job), result, `job ${number} changed`);
  }
}

/** Each job ended as its kind does, and its result carries what was kept. */
function checkResults(told: readonly Told[], { kept }: Effects): void {
  for (const { number, kind, result } of told) {
    if (kind === "declines") {
      assertEquals(result, undefined, `job ${number} did not fail`);
      continue;
    }
    assert(result, `job ${number} of kind ${kind} failed`);
    const values = [...kept].filter(([name]) => name.startsWith(`${number} `))
      .map(([, value]) => value).sort();
    const ids = result.filter((value) => values.includes(value)).sort();
    assertEquals(ids, values, `job ${number} of kind ${kind}`);
    if (kind === "asks") assertEquals(result.at(-1), "7");
  }
}

/** Each job is there once and counts no more; days later nothing is left. */
async function checkStore(url: string): Promise<void> {
  const kv = await openStore(url, TOKEN);
  const at = (...parts: string[]) => ["countersign", SERVER_ID, ...parts];
  assertEquals(await count(kv, at("job")), JOBS);
  assertEquals(await count(kv, at("active")), 0);
  const server = createServer({
    ...PARTIES,
    tools: {},
    kv,
    log: () => {},
    now: () => Date.now() + 2 * DAY_MS,
  });
  let removed = 0;
  for (let more = 1; more > 0; removed += more) {
    more = (await server.work({ limit: 500 })).removed;
  }
  await server.stop();
  assertEquals(removed, JOBS);
  const nonces = await count(kv, at("nonce"));
  assertEquals(await count(kv, at()), nonces, "something is left");
  await kv.close?.();
}

async function count(kv: KvLike, prefix: string[]): Promise<number> {
  let entries = 0;
  for await (const _ of kv.list({ prefix })) entries++;
  return entries;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
