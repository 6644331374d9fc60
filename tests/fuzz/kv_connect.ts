/** KV Connect: servers that answer with something else than they should. */
import process from "node:process";
import fc from "npm:fast-check@4.10.2";
import { connectKv, KvConnectError } from "../../src/kv_connect/mod.ts";
import { packKey } from "../../src/kv_connect/key.ts";
import type { KvKey } from "../../src/kv/kv.ts";
import { memoryRows } from "../kv_connect/memory_rows.ts";
import { kvServer } from "../kv_connect/server.ts";
import { NOW } from "./observed_server.ts";
import type { Kind } from "./run.ts";
import {
  applyByteEdits,
  applyEdits,
  type ByteEdit,
  byteEdits,
  type Edit,
  edits,
  jsonText,
} from "./texts.ts";
import { brief, must } from "./violation.ts";

interface KvCase {
  readonly ask: "get" | "getMany" | "list" | "commit";
  /** Members of the metadata, set to other JSON texts. */
  readonly metadata: readonly { readonly set: string; readonly to: string }[];
  readonly metadataEdits: readonly Edit[];
  readonly status: number;
  readonly bytes: readonly ByteEdit[];
  /** Bytes put in somewhere, so many times. */
  readonly insert: {
    readonly at: number;
    readonly hex: string;
    readonly times: number;
  };
  /** Keys whose bytes are exchanged for others in the answer. */
  readonly rename: boolean;
}

const TOKEN = "an-access-token-that-nobody-may-see";
const URL_OF_KV = "https://kv.example/";
const KEYS: readonly KvKey[] = [["a"], ["b", 1], ["z"]];
const READS: readonly KvKey[] = [["a"], ["b", 1], ["none"]];

export const kvConnect: Kind<KvCase> = {
  name: "kv-connect",
  cases: fc.record({
    ask: fc.constantFrom("get", "getMany", "list", "commit"),
    metadata: fc.oneof(
      { weight: 4, arbitrary: fc.constant<never[]>([]) },
      {
        weight: 1,
        arbitrary: fc.array(
          fc.record({
            set: fc.constantFrom(
              "version",
              "databaseId",
              "endpoints",
              "token",
              "expiresAt",
            ),
            to: fc.oneof(
              jsonText,
              fc.constantFrom(
                '[{"url":"http://evil.example/","consistency":"strong"}]',
                '[{"url":"https://evil.example/","consistency":"strong"}]',
                '[{"url":"https://u:p@evil.example/","consistency":"strong"}]',
                '[{"url":"//evil.example/","consistency":"strong"}]',
                '[{"url":"javascript:1","consistency":"strong"}]',
                '[{"url":"file:///etc","consistency":"strong"}]',
                '[null,{"url":5,"consistency":"strong"}]',
                '"1970-01-01T00:00:00Z"',
                '"x\\r\\ny: z"',
                "9e99",
              ),
            ),
          }),
          { minLength: 1, maxLength: 2 },
        ),
      },
    ),
    metadataEdits: fc.oneof(
      { weight: 5, arbitrary: fc.constant<never[]>([]) },
      { weight: 1, arbitrary: edits },
    ),
    status: fc.oneof(
      { weight: 12, arbitrary: fc.constant(200) },
      { weight: 1, arbitrary: fc.constantFrom(302, 401, 403, 404, 429, 500) },
    ),
    bytes: byteEdits,
    insert: fc.record({
      at: fc.nat({ max: 1000 }),
      hex: fc.oneof(
        fc.constantFrom(
          "",
          "0a00",
          "0a020a00",
          "1001",
          "4002",
          "ffffffffffffffffff01",
          "ffffffffffffffffffffff",
          "0aff01",
          "0b",
          "0d00000000",
          "0900",
        ),
        fc.uint8Array({ maxLength: 6 }).map((bytes) => bytes.toHex()),
      ),
      times: fc.oneof(
        { weight: 20, arbitrary: fc.constant(1) },
        { weight: 1, arbitrary: fc.constantFrom(100, 10_000) },
      ),
    }),
    rename: fc.oneof(
      { weight: 8, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
  }),
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
  const kv = connectKv({
    url: URL_OF_KV,
    token: TOKEN,
    now: () => NOW,
    fetch: async (request) => {
      checkToken(request);
      const isMetadata = request.url === URL_OF_KV;
      const isKnown = new URL(request.url).host === "kv.example";
      const response = isKnown
        ? await server.handle(request)
        : new Response("elsewhere", { status: 404 });
      const bytes = isMetadata
        ? alterMetadata(await response.text(), value)
        : alterData(await response.bytes(), value);
      size += bytes.length;
      const status = isMetadata ? response.status : value.status;
      return new Response(bytes, { status });
    },
  });
  const before = process.cpuUsage();
  try {
    await perform(kv, value.ask);
  } catch (error) {
    checkError(error);
  }
  const { user, system } = process.cpuUsage(before);
  const ms = (user + system) / 1000;
  must(
    ms < 150 + size / 500,
    "refusing costs no more than accepting",
    () => `an answer of KV Connect: ${size} bytes took ${ms.toFixed()} ms`,
  );
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

function alterMetadata(
  text: string,
  { metadata, metadataEdits }: KvCase,
): Uint8Array<ArrayBuffer> {
  const members = new Map<string, string>(
    Object.entries(JSON.parse(text)).map((
      [name, value],
    ) => [name, JSON.stringify(value)]),
  );
  for (const { set, to } of metadata) members.set(set, to);
  const json = Array.from(members, ([name, value]) => `"${name}":${value}`);
  return new TextEncoder().encode(
    applyEdits(`{${json.join()}}`, metadataEdits),
  );
}

function alterData(
  original: Uint8Array<ArrayBuffer>,
  { bytes, insert, rename }: KvCase,
): Uint8Array<ArrayBuffer> {
  const altered = applyByteEdits(original.slice(), bytes);
  if (rename) { // "a" and "b" become "z", in packed keys alone
    for (let i = 2; i < altered.length; i++) {
      const isKey = altered[i - 1] === 2 && [97, 98].includes(altered[i]);
      if (isKey) altered[i] = 122;
    }
  }
  if (insert.hex === "") return altered;
  const at = Math.floor(altered.length * insert.at / 1000);
  const inserted = Uint8Array.fromHex(insert.hex.repeat(insert.times));
  const all = new Uint8Array(altered.length + inserted.length);
  all.set(altered.subarray(0, at));
  all.set(inserted, at);
  all.set(altered.subarray(at), at + inserted.length);
  return all;
}
