/**
 * Signed calls in this process, beside their floors: the least that the same
 * duty could cost here, written without a framework.
 *
 * The client's signing is not timed.
 */
import { createHmac } from "node:crypto";
import { batch_sum, createServer } from "../mod.ts";

const SERVER = "bench-server";
const CLIENT = "bench-client";
const SECRET = "a-secret-for-the-bench-of-enough-bytes";
const SIZES = {
  small: [1, 2, 3],
  large: Array.from({ length: 10_000 }, (_, i) => i * 7),
};

const options = {
  serverId: SERVER,
  serverSecret: "the-servers-secret-for-the-bench-as-long",
  clients: { [CLIENT]: SECRET },
  tools: { batch_sum },
};
const kv = await Deno.openKv(":memory:");
const file = await Deno.makeTempDir();
const onFile = await Deno.openKv(`${file}/kv.db`);
addEventListener("unload", () => {
  kv.close();
  onFile.close();
  Deno.removeSync(file, { recursive: true });
});
const inMemory = createServer({ ...options, nonces: { store: "memory" } });
const onKv = createServer({ ...options, kv });
const onKvFile = createServer({ ...options, kv: onFile });

const key = await crypto.subtle.importKey(
  "raw",
  new TextEncoder().encode(SECRET),
  { name: "HMAC", hash: "SHA-256" },
  false,
  ["sign", "verify"],
);

/** A signed call as a canonical sender writes it. */
function signedBody(numbers: number[]): string {
  const text = JSON.stringify({
    args: { numbers },
    client_id: CLIENT,
    nonce: crypto.randomUUID(),
    request_id: crypto.randomUUID(),
    server_id: SERVER,
    tool: "batch_sum",
    ts_ms: Date.now(),
    v: "mcp/0.1",
  });
  const signature = createHmac("sha256", SECRET).update(text).digest("hex");
  return text.replace(',"tool":', `,"signature":"${signature}","tool":`);
}

function requestOf(body: string): Request {
  return new Request("http://localhost/", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
}

/** Floor: parse, verify, sum, sign, with no check of anything else. */
async function floor(request: Request): Promise<Response> {
  const { signature, ...call } = JSON.parse(await request.text());
  const bytes = new TextEncoder().encode(JSON.stringify(call));
  const mac = Uint8Array.from(
    signature.match(/../g),
    (digits: string) => parseInt(digits, 16),
  );
  if (!await crypto.subtle.verify("HMAC", key, mac, bytes)) {
    return new Response("forged", { status: 401 });
  }
  const { numbers } = call.args as { numbers: number[] };
  const total = numbers.reduce((sum, number) => sum + number, 0);
  const answer = JSON.stringify({ count: numbers.length, total });
  const signed = await crypto.subtle.sign(
    "HMAC",
    key,
    new TextEncoder().encode(answer),
  );
  return new Response(answer, {
    headers: { "x-signature": new Uint8Array(signed).toHex() },
  });
}

const handlers = {
  "floor: parse, verify, sign": floor,
  "Countersign, nonces in memory": inMemory.handle,
  "Countersign, Deno KV in memory": onKv.handle,
  "Countersign, Deno KV on a file": onKvFile.handle,
};

for (const [size, numbers] of Object.entries(SIZES)) {
  const total = numbers.reduce((sum, number) => sum + number, 0);
  for (const [name, handle] of Object.entries(handlers)) {
    Deno.bench(`${size}: ${name}`, {
      group: size,
      baseline: name.startsWith("floor"),
      n: size === "small" ? 1000 : 200,
      warmup: 50,
    }, async (b) => {
      const request = requestOf(signedBody(numbers));
      b.start();
      const response = await handle(request);
      const text = await response.text();
      b.end();
      if (!text.includes(`"total":${total}`)) throw new Error(text);
    });
  }
}

// One commit costs an fsync, however many nonces it holds: see src/kv/nonces.ts.
const TOGETHER = 100;
for (
  const [name, handle] of [
    ["floor: parse, verify, sign", floor],
    ["Countersign, Deno KV on a file", onKvFile.handle],
  ] as const
) {
  Deno.bench(`${TOGETHER} small at once: ${name}`, {
    group: "at once",
    baseline: name.startsWith("floor"),
    n: 30,
    warmup: 3,
  }, async (b) => {
    const requests = Array.from(
      { length: TOGETHER },
      () => requestOf(signedBody(SIZES.small)),
    );
    b.start();
    const responses = await Promise.all(requests.map((one) => handle(one)));
    b.end();
    for (const response of responses) {
      if (!response.ok) throw new Error(await response.text());
      await response.body?.cancel();
    }
  });
}
