/** The vectors of `mcp-hmac-v2`, which Python made: both sides agree with them. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  sign,
  signatureBase,
  SignatureError,
  signedFetch,
} from "@countersign/mcp/signatures";
import { verifyRequest } from "../src/signatures/authenticate.ts";
import {
  freshParams,
  keyInfo,
  REQUEST_TAG,
  requestComponents,
} from "../src/signatures/mcp_hmac.ts";
import { deriveKey, importKey, secretBytes } from "../src/signing/hmac.ts";
import { createKeyring } from "../src/signing/keyring.ts";
import { temporaryFolder } from "./support/folder.ts";
import { isInstalled } from "./support/programs.ts";
import file from "./vectors/mcp_signatures.json" with { type: "json" };

interface Signed {
  headers: Record<string, string>;
  body: string;
  signature_base: string;
  signature_input: string;
  signature: string;
}

interface Vector {
  name: string;
  secret: string;
  client_id: string;
  server_id: string;
  request_key: string;
  request: Signed & { method: string; url: string };
  response: Signed & { status: number; events?: string[] };
}

const vectors = file as unknown as Vector[];
const utf8 = new TextEncoder();

const fieldsOf = ({ headers, signature, signature_input }: Signed) => ({
  ...headers,
  signature,
  "signature-input": signature_input,
});

function requestOf({ request }: Vector): Request {
  const { method, url, body } = request;
  return new Request(url, { method, headers: fieldsOf(request), body });
}

function param(input: string, name: string): string {
  const [, value = ""] = new RegExp(`;${name}="?([^;"]+)`).exec(input) ?? [];
  return value;
}

const nowOf = ({ request }: Vector) =>
  Number(param(request.signature_input, "created")) * 1000;

function verified(vector: Vector, serverId = vector.server_id) {
  const { client_id, secret, request } = vector;
  return verifyRequest(requestOf(vector), utf8.encode(request.body), {
    keyring: createKeyring({ [client_id]: secret }, false),
    serverId,
    now: () => nowOf(vector),
  });
}

for (const vector of vectors) {
  const { name, request, response, secret, client_id, server_id } = vector;

  Deno.test(`A request of MCP is signed as in the vector: ${name}`, async () => {
    const { method, url } = request;
    const headers = new Headers(request.headers);
    const components = requestComponents(headers);
    const parts = { request: { method, url, headers } };
    const nonce = param(request.signature_input, "nonce");
    const params = freshParams(REQUEST_TAG, client_id, nonce, nowOf(vector));
    const info = keyInfo(REQUEST_TAG, server_id);
    const key = await deriveKey(secretBytes(secret, "a client"), info);
    const fields = await sign(parts, key, components, params, "mcp");
    assertEquals(fields["signature-input"], request.signature_input);
    assertEquals(fields.signature, request.signature);
    const input = request.signature_input.replace("mcp=", "");
    const base = signatureBase(parts, components, input);
    assertEquals(new TextDecoder().decode(base), request.signature_base);
    // The derived key is the vector's: they sign the same.
    const same = await importKey(Uint8Array.from(
      vector.request_key.match(/../g) ?? [],
      (hex) => parseInt(hex, 16),
    ));
    assertEquals(await sign(parts, same, components, params, "mcp"), fields);
  });

  Deno.test(`A server answers the vector of MCP as it says: ${name}`, async () => {
    const { caller, nonce, respond } = await verified(vector);
    assertEquals(caller.id, client_id);
    assertEquals(nonce.value, param(request.signature_input, "nonce"));
    const { status, events, body, headers } = response;
    const plain = events
      ?.map((data) => `event: message\ndata: ${data}\n\n`).join("");
    const answer = await respond(
      new Response(plain ?? body, {
        status,
        headers: { "content-type": headers["content-type"] },
      }),
    );
    assertEquals(await answer.text(), body);
    assertEquals(
      Object.fromEntries(answer.headers),
      { ...fieldsOf(response), "cache-control": "no-store, no-transform" },
    );
  });

  Deno.test(`A server refuses the vector of MCP that is another's: ${name}`, async () => {
    const others = ["another", `${server_id}2`, server_id.slice(0, -1)];
    for (const other of others) {
      const error = await assertRejects(
        () => verified(vector, other),
        SignatureError,
      );
      assertEquals(error.reason, "bad_signature");
    }
  });

  Deno.test(`A client believes the vector of MCP: ${name}`, async () => {
    const { randomUUID } = crypto;
    const uuids = param(request.signature_input, "nonce").match(/.{36}/g) ?? [];
    try {
      crypto.randomUUID = (() => uuids.shift()) as typeof randomUUID;
      let sent: Request | undefined;
      const fetch = signedFetch({
        clientId: client_id,
        secret,
        serverId: server_id,
        now: () => nowOf(vector),
        fetch: (request) => {
          sent = request;
          const { status, body } = response;
          return new Response(body, { status, headers: fieldsOf(response) });
        },
      });
      const { method, url, headers, body } = request;
      const fields = Object.entries(headers)
        .filter(([name]) => name !== "content-digest");
      const answer = await fetch(url, { method, headers: fields, body });
      assert(sent);
      assertEquals(sent.headers.get("signature"), request.signature);
      const text = await answer.text();
      assertEquals(answer.status, response.status);
      assertEquals(text, response.body.replace(/^mac: .*\n/gm, ""));
    } finally {
      crypto.randomUUID = randomUUID;
    }
  });
}

Deno.test({
  name: "The vectors of MCP are what make_mcp_vectors.py writes",
  ignore: !isInstalled("python3"),
  async fn() {
    await using folder = await temporaryFolder();
    const script = new URL("vectors/make_mcp_vectors.py", import.meta.url);
    const { success, stderr } = await new Deno.Command("python3", {
      args: [script.pathname, folder.file("")],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    assertEquals(
      await Deno.readTextFile(folder.file("mcp_signatures.json")),
      await Deno.readTextFile(
        new URL("vectors/mcp_signatures.json", import.meta.url),
      ),
    );
  },
});
