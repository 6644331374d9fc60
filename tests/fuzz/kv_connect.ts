/** KV Connect: servers that answer with something else than they should. */
import { connectKv, KvConnectError } from "../../src/kv_connect/mod.ts";
import { packKey } from "../../src/kv_connect/key.ts";
import type { KvKey } from "../../src/kv/kv.ts";
import { memoryRows } from "../kv_connect/memory_rows.ts";
import { kvServer } from "../kv_connect/server.ts";
import { leastMs } from "./cost.ts";
import { NOW } from "./observed_server.ts";
import type { Kind } from "./run.ts";
import { alterData, alterMetadata, type KvCase, kvCases } from "./kv_cases.ts";
import { brief, must } from "./violation.ts";

const TOKEN = "an-access-token-that-nobody-may-see";
const URL_OF_KV = "https://kv.example/";
const KEYS: readonly KvKey[] = [["a"], ["b", 1], ["z"]];
const READS: readonly KvKey[] = [["a"], ["b", 1], ["none"]];

export const kvConnect: Kind<KvCase> = {
  name: "kv-connect",
  cases: kvCases,
  async open() {
    let server = await kvOf();
    const random = Math.random;
    Math.random = () => 0; // no jitter: nobody waits
    return {
      async check(value) {
        // It remembers every request.
        if (server.paths.length > 1000) server = await kvOf();
        await checkKv(server, value);
      },
      close() {
        Math.random = random;
        return Promise.resolve();
      },
    };
  },
};

async function kvOf() {
  const server = kvServer({
    rows: memoryRows(() => NOW),
    token: TOKEN,
    now: () => NOW,
  });
  const kv = connectKv({
    url: URL_OF_KV,
    token: TOKEN,
    fetch: server.handle,
    now: () => NOW,
  });
  const atomic = kv.atomic();
  for (const key of KEYS) atomic.set(key, new TextEncoder().encode("true"));
  await atomic.commit();
  return server;
}

async function checkKv(
  server: Awaited<ReturnType<typeof kvOf>>,
  value: KvCase,
): Promise<void> {
  let size = 0;
  const allowed = () => 150 + size / 500;
  const ms = await leastMs(async () => {
    size = 0;
    await checkOnce(server, value, (bytes) => size += bytes);
  }, 150);
  must(
    ms <= allowed(),
    "refusing costs no more than accepting",
    () => `an answer of KV Connect: ${size} bytes took ${ms.toFixed()} ms`,
  );
}

async function checkOnce(
  server: Awaited<ReturnType<typeof kvOf>>,
  value: KvCase,
  onBytes: (bytes: number) => void,
): Promise<void> {
  let misled: unknown; // what is thrown within a fetch is wrapped
  const kv = connectKv({
    url: URL_OF_KV,
    token: TOKEN,
    now: () => NOW,
    fetch: async (request) => {
      try {
        checkToken(request);
      } catch (error) {
        misled = error;
        throw error;
      }
      const isMetadata = request.url === URL_OF_KV;
      const isKnown = new URL(request.url).host === "kv.example";
      const response = isKnown
        ? await server.handle(request)
        : new Response("elsewhere", { status: 404 });
      const bytes = isMetadata
        ? alterMetadata(await response.text(), value)
        : alterData(await response.bytes(), value);
      onBytes(bytes.length);
      const status = isMetadata ? response.status : value.status;
      return new Response(bytes, { status });
    },
  });
  try {
    await perform(kv, value.ask);
  } catch (error) {
    if (misled) throw misled;
    checkError(error);
  }
  if (misled) throw misled;
}

/** Each asks, and looks at the answer as the server would. */
async function perform(
  kv: ReturnType<typeof connectKv>,
  ask: KvCase["ask"],
): Promise<void> {
  switch (ask) {
    case "get":
      return checkKeys([READS[0]], [await kv.get(READS[0])]);
    case "getMany":
      return checkKeys(READS, await kv.getMany(READS));
    case "list": {
      let last = "";
      let count = 0;
      for await (const { key } of kv.list({ prefix: ["b"] })) {
        const packed = packKey(key).toHex();
        must(
          key[0] === "b" && packed > last,
          "a refused answer is never believed",
          () => `a key that was not listed for: ${brief(key)}`,
        );
        last = packed;
        must(++count < 10_000, "a case ends", () => "a list has no end");
      }
      return;
    }
    case "commit": {
      const committed = await kv.atomic()
        .check({ key: ["none"], versionstamp: null })
        .set(["none", 1], new Uint8Array([1]), { expireIn: 1 })
        .commit();
      must(
        typeof committed.ok === "boolean",
        "an error is of the documented kind",
        () => `a commit came to: ${brief(committed)}`,
      );
    }
  }
}

function checkKeys(
  asked: readonly KvKey[],
  entries: readonly { readonly key: KvKey }[],
): void {
  must(
    entries.length === asked.length &&
      entries.every(({ key }, i) =>
        packKey(key).toHex() === packKey(asked[i]).toHex()
      ),
    "a refused answer is never believed",
    () => `other keys than were asked for: ${brief(entries)}`,
  );
}

function checkToken(request: Request): void {
  const { protocol } = new URL(request.url);
  const sent = request.headers.get("authorization") ?? "";
  must(
    protocol === "https:",
    "a token stays where it belongs",
    () => `a token is sent in the clear: ${request.url}`,
  );
  must(
    request.url === URL_OF_KV || !sent.includes(TOKEN),
    "a token stays where it belongs",
    () => `the access token is sent elsewhere: ${request.url}`,
  );
}

function checkError(error: unknown): void {
  if (error instanceof Error && error.name === "Violation") throw error;
  must(
    error instanceof KvConnectError || error instanceof TypeError,
    "an error is of the documented kind",
    () => `KV Connect rejects with a ${error}`,
  );
  const said = Deno.inspect(error);
  must(
    !said.includes(TOKEN),
    "no secret is told",
    () => `in an error of KV Connect: ${brief(said)}`,
  );
  must(
    error.message.isWellFormed() && error.message.length < 2000,
    "texts are well formed",
    () => `in an error of KV Connect: ${brief(error.message)}`,
  );
}
