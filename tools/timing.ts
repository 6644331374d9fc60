/**
 * Measures whether the time that a refusal takes tells who is a client:
 * `deno task timing [minutes]`.
 *
 * Forged calls go through `handle` in this process: one half names a client,
 * the other an id that is none, in random order. Welch's t says whether the two
 * differ by more than chance: beyond 4.5 they do. A cold server is one that has
 * refused nobody yet; each is asked once, so its samples are pairs of servers.
 */
import { createServer } from "../mod.ts";

const minutes = Number(Deno.args[0] ?? 1);
const utf8 = new TextEncoder();

/** A server of so many clients, and what it answers forged calls with. */
function serverOf(clients: number) {
  const table = Object.fromEntries(
    Array.from(
      { length: clients },
      (_, i) => [idOf(i), crypto.randomUUID().repeat(2)],
    ),
  );
  return createServer({
    serverId: "timing",
    serverSecret: crypto.randomUUID().repeat(2),
    clients: table,
    tools: {},
    nonces: { store: "memory" },
  });
}

/** Ids of clients and of strangers look alike. */
const idOf = (i: number) => `client-${String(i).padStart(8, "0")}`;
const STRANGERS = 50_000_000;

function forged(id: string): Request {
  const body = utf8.encode(JSON.stringify({
    args: {},
    client_id: id,
    nonce: crypto.randomUUID(),
    request_id: crypto.randomUUID(),
    server_id: "timing",
    signature: "0".repeat(64),
    tool: "list_tools",
    ts_ms: Date.now(),
    v: "mcp/0.1",
  }));
  const headers = { "content-type": "application/json" };
  return new Request("http://localhost/", { method: "POST", headers, body });
}

async function microseconds(
  { handle }: ReturnType<typeof serverOf>,
  id: string,
): Promise<number> {
  const request = forged(id);
  const began = performance.now();
  const response = await handle(request);
  const took = performance.now() - began;
  if (response.status !== 401) throw new Error(await response.text());
  await response.body?.cancel();
  return took * 1000;
}

/** Mean, variance of the mean and number of a sample without its slowest tenth. */
function describe(sample: readonly number[]) {
  const kept = sample.toSorted((a, b) => a - b)
    .slice(0, Math.ceil(sample.length * 0.9));
  const mean = kept.reduce((sum, x) => sum + x, 0) / kept.length;
  const variance = kept.reduce((sum, x) => sum + (x - mean) ** 2, 0) /
    (kept.length - 1);
  return { mean, error: variance / kept.length, count: sample.length };
}

function report(name: string, known: number[], strangers: number[]): void {
  const [a, b] = [describe(known), describe(strangers)];
  const t = (a.mean - b.mean) / Math.sqrt(a.error + b.error);
  console.log(
    `${name.padEnd(44)} ${a.mean.toFixed(1)} and ${b.mean.toFixed(1)} µs, ` +
      `t = ${t.toFixed(1)}, ${a.count} samples each`,
  );
}

/** Refusals by one server, of as many strangers as it has clients. */
async function warm(clients: number, asked = clients): Promise<void> {
  const server = serverOf(clients);
  const known: number[] = [];
  const strangers: number[] = [];
  const one = () => {
    const id = Math.floor(Math.random() * asked);
    return Math.random() < 0.5
      ? { id: idOf(id), sample: known }
      : { id: idOf(STRANGERS + id), sample: strangers };
  };
  for (let i = 0; i < 20_000; i++) await microseconds(server, one().id);
  const end = Date.now() + minutes * 60_000 / 5;
  while (Date.now() < end) {
    const { id, sample } = one();
    sample.push(await microseconds(server, id));
  }
  const which = asked === clients ? "all ids" : `${asked} of each`;
  report(`warm, ${clients} clients, ${which}`, known, strangers);
}

/** The first refusals of servers that nobody has called. */
async function cold(clients: number): Promise<void> {
  const known: number[] = [];
  const strangers: number[] = [];
  const end = Date.now() + minutes * 60_000 / 5;
  let right = 0;
  let pairs = 0;
  while (Date.now() < end) {
    const [a, b] = [serverOf(clients), serverOf(clients)];
    const knownFirst = Math.random() < 0.5;
    const times = { known: 0, stranger: 0 };
    const ids = { known: idOf(clients - 1), stranger: idOf(STRANGERS) };
    const [first, second] = knownFirst
      ? ["known", "stranger"] as const
      : ["stranger", "known"] as const;
    times[first] = await microseconds(a, ids[first]);
    times[second] = await microseconds(b, ids[second]);
    known.push(times.known);
    strangers.push(times.stranger);
    pairs++;
    if (times.known > times.stranger) right++;
  }
  report(`cold, ${clients} clients, the first refusal`, known, strangers);
  console.log(`  the slower of a pair was the client in ${right} of ${pairs}`);
}

await warm(2);
await warm(400);
await warm(400, 1);
await cold(2);
await cold(400);
