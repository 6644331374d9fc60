/** Servers in this process, on a KV in memory, with a client and a clock. */
import {
  type Client,
  createServer,
  type KvLike,
  type Server,
  type ServerOptions,
  type Tools,
} from "../../mod.ts";
import type { Fetch } from "../../src/client/mod.ts";
import { clientOf } from "./clients.ts";
import { type Clock, runningClock } from "../../src/testing/clock.ts";
import { type Fields, request } from "./envelopes.ts";
import { PARTIES, SERVER_ID } from "./parties.ts";
import { tools as everyTool } from "./tools.ts";
import { inTime, until } from "./until.ts";

/** A line of the log. */
export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Fields;
}

/** The status and the envelope of an answer. */
export interface Posted {
  readonly status: number;
  readonly answer: Fields;
}

export interface TestServer<T = typeof everyTool> extends Server {
  /** The client of most tests, whose clock is the server's. */
  readonly client: Client<T>;
  readonly clock: Clock;
  readonly kv: Deno.Kv;
  readonly lines: Line[];
  /** Sends a body as it is. */
  post(body: string): Promise<Posted>;
  /** Everything that the KV holds, but for the nonces. */
  stored(): Promise<Deno.KvEntry<unknown>[]>;
  /** Waits until nobody need attend to a job for so long: it sleeps, or ended. */
  asleep(job: { requestId: string }, ms: number): Promise<void>;
}

export type TestOptions<T extends Tools> =
  & Partial<Omit<ServerOptions, "tools">>
  & {
    tools?: T;
    /** The server's clock and its client's. Defaults to one that runs. */
    clock?: Clock;
    /** What the server gets of the KV in memory. */
    store?: (kv: Deno.Kv) => KvLike;
  };

/** Makes a server for one test, and stops it with its KV when that ends, in 50 s at most. */
export async function withServer<T extends Tools = typeof everyTool>(
  use: (server: TestServer<T>) => Promise<void>,
  { store = (kv) => kv, clock = runningClock(), ...options }: TestOptions<T> =
    {},
): Promise<void> {
  using kv = await Deno.openKv(":memory:");
  const lines: Line[] = [];
  const server = createServer({
    ...PARTIES,
    tools: everyTool,
    kv: store(kv),
    now: clock.now,
    log: (level, message, fields) => lines.push({ level, message, fields }),
    ...options,
    jobs: { drive: false, ...options.jobs }, // a test says who works, and when
  });
  const client = clientOf<T>(server.handle, { now: clock.now });
  try {
    await inTime(use({
      ...server,
      client,
      clock,
      kv,
      lines,
      post: (body) => post(server.handle, body),
      stored: () => stored(kv),
      asleep: (job, ms) => asleep(kv, client, job, clock.now() + ms),
    }));
  } finally {
    await server.stop();
  }
}

async function stored(kv: Deno.Kv): Promise<Deno.KvEntry<unknown>[]> {
  const entries = await Array.fromAsync(kv.list({ prefix: [] }));
  return entries.filter(({ key }) => key[2] !== "nonce");
}

/** Waits until a job's entry among what is due, as docs/jobs.md has it, is no earlier. */
export async function asleep<T>(
  kv: KvLike,
  client: Client<T>,
  { requestId }: { requestId: string },
  time: number,
): Promise<void> {
  const due = ["countersign", SERVER_ID, "due"];
  const jobs = await Array.fromAsync(client.jobs());
  const id = jobs.find((job) => job.requestId === requestId)?.jobId;
  await until(`the sleep of ${requestId}`, async () => {
    const later = kv.list({ start: [...due, time], end: [...due, Infinity] });
    return (await Array.fromAsync(later)).some(({ key }) => key[4] === id);
  });
}

/** Sends a body to a server as it is. */
export async function post(handle: Fetch, body: string): Promise<Posted> {
  const response = await handle(request(body));
  return { status: response.status, answer: await response.json() };
}
