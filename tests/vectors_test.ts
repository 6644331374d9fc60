import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
} from "@std/assert";
import { createServer, defineTool, type } from "../mod.ts";
import { canonicalJson } from "../src/json/canonical_json.ts";
import { readResponse } from "../src/client/response.ts";
import {
  type ResponseEnvelope,
  writeResponse,
} from "../src/envelope/response.ts";
import { importKey, sign } from "../src/signing/hmac.ts";
import { createKeyring } from "../src/signing/keyring.ts";
import {
  RESPONSE_INFO,
  signedText,
  withSignature,
} from "../src/envelope/signed_text.ts";
import { batch_sum } from "../src/ready_made/sample_tools.ts";
import { clientOf } from "./support/clients.ts";
import { request } from "./support/envelopes.ts";
import { temporaryFolder } from "./support/folder.ts";
import { CLIENT_ID } from "./support/parties.ts";
import { isInstalled } from "./support/programs.ts";
import derivedKeys from "./vectors/derived_keys.json" with { type: "json" };
import requestVectors from "./vectors/requests.json" with { type: "json" };
import responseVectors from "./vectors/responses.json" with { type: "json" };

interface Vector<Envelope> {
  name: string;
  secret: string;
  envelope: Envelope;
  signed_text: string;
  signature: string;
  body: string;
}

type RequestVector = Vector<
  { client_id: string; nonce: string; tool: string; ts_ms: number }
>;

type ResponseVector = Vector<ResponseEnvelope> & {
  /** The request that is answered so, where there is one. */
  answers?: string;
};

const requests: RequestVector[] = requestVectors;
const responses = responseVectors as ResponseVector[];
const [{ server_secret: serverSecret, server_id: serverId }] =
  derivedKeys.fingerprints;
const utf8 = new TextEncoder();

/** A server that knows every client of the vectors, at the vectors' time; with KV it keeps jobs. */
function vectorServer(kv?: Deno.Kv) {
  return createServer({
    serverId,
    serverSecret,
    clients: Object.fromEntries(
      requests.map(({ envelope, secret }) => [envelope.client_id, secret]),
    ),
    ...kv ? { kv } : { nonces: { store: "memory" } },
    tools: {
      ...kv && { wait },
      batch_sum,
      echo: defineTool({
        description: "Gives its arguments back",
        input: type("object"),
        run: (args) => args,
      }),
    },
    now: () => requests[0].envelope.ts_ms,
  });
}

const wait = defineTool({
  description: "Waits until it is cancelled",
  input: type({}),
  job: true,
  run: (_args, { signal }) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    }),
});
const jobStart = requests.find(({ envelope }) => envelope.tool === "wait");

for (const { name, envelope, secret, ...vector } of requests) {
  Deno.test(`A request is signed as in the vector: ${name}`, async () => {
    const key = await importKey(utf8.encode(secret));
    assertEquals(signedText(JSON.parse(vector.body)), vector.signed_text);
    assertEquals(signedText(envelope), vector.signed_text);
    assertEquals(await sign(key, vector.signed_text), vector.signature);
    assertEquals(
      withSignature(vector.signed_text, vector.signature, "tool"),
      canonicalJson(JSON.parse(vector.body)),
    );
  });

  Deno.test(`A server answers the vector byte for byte: ${name}`, async () => {
    const answer = responses.find(({ answers }) => answers === name);
    assert(answer, "every request has an answer");
    const followUp = /^\w+_job$/.test(envelope.tool);
    assert(jobStart, "a job starts among the vectors");
    using kv = followUp || envelope.tool === "wait"
      ? await Deno.openKv(":memory:")
      : undefined;
    const { handle, stop } = vectorServer(kv);
    try {
      if (followUp) await handle(request(jobStart.body));
      const response = await handle(request(vector.body));
      assertEquals(await response.text(), answer.body);
      const accepted = answer.envelope.status === "accepted";
      assertEquals(response.status, accepted ? 202 : 200);
    } finally {
      await stop();
    }
  });

  Deno.test(`A server refuses the vector with one byte changed: ${name}`, async () => {
    const nonce = envelope.nonce.slice(0, -1) + "Z";
    const changed = vector.body.replace(envelope.nonce, nonce);
    assertNotEquals(changed, vector.body);
    const response = await vectorServer().handle(request(changed));
    assertEquals(response.status, 401);
    assertMatch((await response.json()).error, /^unauthenticated: /);
  });
}

for (const { name, envelope, secret, ...vector } of responses) {
  Deno.test(`An answer is signed as in the vector: ${name}`, async () => {
    const key = await responseKey(secret);
    assertEquals(signedText(JSON.parse(vector.body)), vector.signed_text);
    const { request_id, server_id, ts_ms, ...rest } = envelope;
    const id = "client-001";
    const caller = { id, may: () => true, key: () => Promise.resolve(key) };
    const written = await writeResponse(
      { ...rest, httpStatus: 200 },
      { requestId: request_id, caller },
      { serverId: server_id, maxValueBytes: 10_000, now: () => ts_ms },
      (error) => {
        throw error;
      },
    );
    assertEquals(await written.text(), vector.body);
  });

  Deno.test(`A client believes the vector: ${name}`, async () => {
    const { status, result } = await readResponse(
      new Response(vector.body),
      {
        key: await responseKey(secret),
        requestId: envelope.request_id,
        serverId,
      },
    );
    assertEquals(status, envelope.status);
    assertEquals(canonicalJson(result), canonicalJson(envelope.result));
  });
}

for (const [at, { secret, key }] of derivedKeys.response_keys.entries()) {
  Deno.test(`A server derives the vector's response key: ${at + 1}`, async () => {
    // Keys cannot be exported: two are the same if they sign the same.
    const text = "any text";
    const clientKey = await importKey(utf8.encode(secret));
    const caller = await createKeyring({ c: secret }, false)
      .verifyText("c", await sign(clientKey, text), text);
    const expected = await sign(await importKey(fromHex(key)), text);
    assertEquals(
      caller && await sign(await caller.key(RESPONSE_INFO), text),
      expected,
    );
  });
}

for (
  const { server_secret, server_id, fingerprint } of derivedKeys.fingerprints
) {
  Deno.test(`A server derives the vector's fingerprint: ${fingerprint}`, async () => {
    const secret = new Uint8Array(32);
    const { handle } = createServer({
      serverId: server_id,
      serverSecret: server_secret,
      clients: { [CLIENT_ID]: secret },
      nonces: { store: "memory" },
      tools: {},
    });
    const client = clientOf(handle, { secret, serverId: server_id });
    const identity = await client.identity();
    assertEquals(identity.fingerprint, fingerprint);
  });
}

for (const vector of derivedKeys.job_ids) {
  const { server_secret, client_id, request_id, job_id } = vector;
  Deno.test(`A server derives the vector's job id: ${job_id}`, async () => {
    const secret = new Uint8Array(32);
    const tools = {
      wait: defineTool({
        description: "Does nothing",
        input: type({}),
        job: true,
        run: () => null,
      }),
    };
    const { handle, stop } = createServer({
      serverId,
      serverSecret: server_secret,
      clients: { [client_id]: secret },
      kv: () => Deno.openKv(":memory:"),
      tools,
    });
    const client = clientOf<typeof tools>(handle, {
      clientId: client_id,
      secret,
      serverId,
    });
    try {
      const job = await client.start("wait", {}, { requestId: request_id });
      const [listed] = await Array.fromAsync(client.jobs());
      assertEquals(listed.jobId, job_id);
      assertEquals(await job.result(), null);
    } finally {
      await stop();
    }
  });
}

Deno.test({
  name: "The vectors are what make_vectors.py writes",
  ignore: !isInstalled("python3"),
  async fn() {
    await using folder = await temporaryFolder();
    const script = new URL("vectors/make_vectors.py", import.meta.url);
    const { success, stderr } = await new Deno.Command("python3", {
      args: [script.pathname, folder.file("")],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    for (const name of ["requests", "responses", "derived_keys"]) {
      const kept = new URL(`vectors/${name}.json`, import.meta.url);
      assertEquals(
        await Deno.readTextFile(folder.file(`${name}.json`)),
        await Deno.readTextFile(kept),
      );
    }
  },
});

function responseKey(secret: string): Promise<CryptoKey> {
  const derived = derivedKeys.response_keys.find((each) =>
    each.secret === secret
  );
  assert(derived, "every client's response key is among the vectors");
  return importKey(fromHex(derived.key));
}

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
