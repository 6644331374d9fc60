import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  sign,
  SignatureError,
  type SignatureReason,
  signedFetch,
} from "@countersign/mcp/signatures";
import { deriveKey, secretBytes } from "../src/signing/hmac.ts";
import { createKeyring } from "../src/signing/keyring.ts";
import { spendInMemory } from "../src/signing/nonce.ts";
import { challenge, verifyRequest } from "../src/signatures/authenticate.ts";
import { METHODS } from "../src/mcp/modern.ts";
import {
  freshParams,
  keyInfo,
  requestComponents,
} from "../src/signatures/mcp_hmac.ts";

const URL_OF_SERVER = "https://mcp.example.com/mcp?a=1";
const SECRET = "an old secret of thirty-two bytes or more";
const NEW_SECRET = "a new secret of thirty-two bytes or more";
const NOW = 1_800_000_000_000;
const CALL =
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"greet"}}';
const FIELDS = {
  "content-type": "application/json",
  "mcp-method": "tools/call",
  "mcp-name": "greet",
  "mcp-protocol-version": "2026-07-28",
};

const keyring = createKeyring({
  "client-001": { secret: [NEW_SECRET, SECRET], tools: ["greet"] },
  "client-002": "another secret of thirty-two bytes or more",
}, false);

const SERVER_ID = "mcp-server-001";
const options = { keyring, serverId: SERVER_ID, now: () => NOW };
const bytesOf = (text: string) => new TextEncoder().encode(text);

interface Signing {
  secret?: string;
  clientId?: string;
  serverId?: string;
  now?: number;
  fields?: Record<string, string>;
  url?: string;
}

/** The request that `signedFetch` puts on the wire. */
async function signedRequest(signing: Signing = {}): Promise<Request> {
  const { secret = SECRET, clientId = "client-001", now = NOW } = signing;
  const { serverId = SERVER_ID } = signing;
  let sent: Request | undefined;
  const fetch = signedFetch({
    clientId,
    secret,
    serverId,
    now: () => now,
    fetch(request) {
      sent = request;
      return new Response(null, { status: 500 });
    },
  });
  await fetch(signing.url ?? URL_OF_SERVER, {
    method: "POST",
    headers: signing.fields ?? FIELDS,
    body: CALL,
  });
  assert(sent);
  return sent;
}

async function refused(
  request: Request,
  reason: SignatureReason,
  body = CALL,
): Promise<void> {
  const error = await assertRejects(
    () => verifyRequest(request, bytesOf(body), options),
    SignatureError,
  );
  assertEquals(error.reason, reason);
}

/** A request whose signature is right, and is over and with what the test says. */
async function signedOver(
  components: (all: string[]) => string[],
  params: Record<string, unknown> = {},
  purpose = "mcp-hmac-req-v2",
): Promise<Request> {
  const request = await signedRequest();
  const key = await deriveKey(
    secretBytes(SECRET, "client"),
    keyInfo(purpose, SERVER_ID),
  );
  const fields = await sign(
    { request },
    key,
    components(requestComponents(request.headers)),
    {
      ...freshParams("mcp-hmac-req-v2", "client-001", "n".repeat(32), NOW),
      ...params,
    },
    "mcp",
  );
  for (const [name, value] of Object.entries(fields)) {
    request.headers.set(name, value);
  }
  return request;
}

const all = (components: string[]) => components;

Deno.test("a request that signedFetch signed tells who sent it", async () => {
  const request = await signedRequest();
  const { caller, nonce } = await verifyRequest(
    request,
    bytesOf(CALL),
    options,
  );
  assertEquals(caller.id, "client-001");
  assert(caller.may("greet"));
  assert(!caller.may("other"));
  // Its life and the skew, and what two servers' clocks may differ by.
  assertEquals(nonce.expiresAt, NOW + 90_000 + 61_000);
});

Deno.test("the signature of a request covers every mcp-* field, and authorization", async () => {
  const request = await signedRequest({
    fields: {
      ...FIELDS,
      "mcp-param-region": "eu",
      authorization: "Basic x",
      accept: "application/json",
    },
  });
  assertMatch(
    request.headers.get("signature-input") ?? "",
    /^mcp=\("@method" "@authority" "@path" "@query" "content-type" "content-digest" "mcp-method" "mcp-name" "mcp-param-region" "mcp-protocol-version" "authorization"\);created=1800000000;expires=1800000060;nonce="[\w-]{72}";keyid="client-001";alg="hmac-sha256";tag="mcp-hmac-req-v2"$/,
  );
  await verifyRequest(request, bytesOf(CALL), options);
});

Deno.test("both secrets of a client are good while one replaces the other", async () => {
  for (const secret of [SECRET, NEW_SECRET]) {
    const request = await signedRequest({ secret });
    await verifyRequest(request, bytesOf(CALL), options);
  }
});

Deno.test("a body that was tampered with is refused", async () => {
  await refused(
    await signedRequest(),
    "digest_mismatch",
    CALL.replace("greet", "erase"),
  );
});

Deno.test("a body and its digest that were tampered with are refused", async () => {
  const other = await signedRequest();
  const request = await signedRequest({ fields: FIELDS });
  request.headers.set(
    "content-digest",
    "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
  );
  await refused(request, "bad_signature", "");
  await verifyRequest(other, bytesOf(CALL), options);
});

Deno.test("a digest that is no field at all is refused", async () => {
  const request = await signedRequest();
  request.headers.set("content-digest", "?");
  await refused(request, "digest_mismatch");
});

Deno.test("a field that was tampered with is refused", async () => {
  const request = await signedRequest();
  request.headers.set("mcp-name", "erase");
  await refused(request, "bad_signature");
});

Deno.test("a field that was stripped is refused", async () => {
  const request = await signedRequest();
  request.headers.delete("mcp-name");
  await refused(request, "insufficient_coverage");
});

Deno.test("a field that was stripped, and its coverage with it, is refused", async () => {
  const request = await signedRequest();
  request.headers.delete("mcp-name");
  const input = request.headers.get("signature-input") ?? "";
  request.headers.set("signature-input", input.replace(' "mcp-name"', ""));
  await refused(request, "bad_signature");
});

Deno.test("a field that was injected is refused", async () => {
  for (const name of ["mcp-param-admin", "authorization"]) {
    const request = await signedRequest();
    request.headers.set(name, "yes");
    await refused(request, "insufficient_coverage");
  }
});

Deno.test("a value that was added to a field is refused", async () => {
  const request = await signedRequest();
  request.headers.append("mcp-name", "erase");
  await refused(request, "bad_signature");
});

Deno.test("covered components that were reordered are refused", async () => {
  const request = await signedRequest();
  const input = request.headers.get("signature-input") ?? "";
  request.headers.set(
    "signature-input",
    input.replace('"@method" "@authority"', '"@authority" "@method"'),
  );
  await refused(request, "bad_signature");
});

Deno.test("a request for another method, host, path or query is refused", async () => {
  const { headers } = await signedRequest();
  const at = (url: string, method = "POST") =>
    new Request(url, { method, headers });
  await verifyRequest(at(URL_OF_SERVER), bytesOf(CALL), options);
  await refused(at(URL_OF_SERVER, "PUT"), "bad_signature");
  for (
    const url of [
      "https://evil.example.com/mcp?a=1",
      "https://mcp.example.com:8443/mcp?a=1",
      "https://mcp.example.com/other?a=1",
      "https://mcp.example.com/mcp?a=2",
      "https://mcp.example.com/mcp",
    ]
  ) await refused(at(url), "bad_signature");
});

Deno.test("a signature that covers nothing is refused", async () => {
  await refused(await signedOver(() => []), "insufficient_coverage");
});

Deno.test("a signature that leaves out any component is refused", async () => {
  const components = requestComponents((await signedRequest()).headers);
  assertEquals(components.length, 9);
  for (const left of components) {
    const request = await signedOver((all) => all.filter((c) => c !== left));
    await refused(request, "insufficient_coverage");
  }
});

Deno.test("a nonce is spent once, and is none of the envelopes'", async () => {
  const spend = spendInMemory(options.now);
  const { nonce } = await verifyRequest(
    await signedRequest(),
    bytesOf(CALL),
    options,
  );
  assert(await spend({ ...nonce, clientId: "client-001" }));
  assert(await spend(nonce));
  assert(!await spend(nonce));
});

Deno.test("a request that is replayed has the same nonce, and another's is another", async () => {
  const request = await signedRequest();
  const nonceOf = async (request: Request) =>
    (await verifyRequest(request, bytesOf(CALL), options)).nonce;
  assertEquals(await nonceOf(request), await nonceOf(request));
  const other = await nonceOf(await signedRequest());
  assert(other.value !== (await nonceOf(request)).value);
});

Deno.test("only methods that change nothing may leave their nonce unspent", () => {
  for (
    const method of [
      "server/discover",
      "tools/list",
      "tasks/get",
      "subscriptions/listen",
    ]
  ) assert(METHODS[method].replayable);
  for (const method of ["tools/call", "tasks/update", "tasks/cancel"]) {
    assert(!METHODS[method].replayable);
  }
});

Deno.test("a stale request is refused, and one from the future", async () => {
  for (const now of [NOW - 90_000, NOW + 30_000]) {
    await verifyRequest(
      await signedRequest({ now }),
      bytesOf(CALL),
      options,
    );
  }
  for (const now of [NOW - 91_000, NOW + 31_000]) {
    await refused(await signedRequest({ now }), "outside_time_window");
  }
});

Deno.test("a signature that lives longer than 300 seconds is refused", async () => {
  const created = NOW / 1000;
  const params = (life: number) => ({ created, expires: created + life });
  await verifyRequest(
    await signedOver(all, params(300)),
    bytesOf(CALL),
    options,
  );
  await refused(await signedOver(all, params(301)), "outside_time_window");
  await refused(await signedOver(all, params(0)), "outside_time_window");
});

Deno.test("an unknown client and a wrong secret read alike", async () => {
  await refused(await signedRequest({ clientId: "nobody" }), "bad_signature");
  await refused(
    await signedRequest({ secret: "quite another secret of 32 bytes" }),
    "bad_signature",
  );
  await refused(
    await signedRequest({ clientId: "client-002" }),
    "bad_signature",
  );
});

Deno.test("an unknown client costs as many verifications as a wrong secret", async () => {
  const { verify } = crypto.subtle;
  let verified = 0;
  crypto.subtle.verify = (...args: Parameters<typeof verify>) => {
    verified++;
    return verify.apply(crypto.subtle, args);
  };
  try {
    const costs = [];
    for (const clientId of ["client-001", "client-002", "nobody"]) {
      const request = await signedRequest({ clientId, secret: "x".repeat(32) });
      verified = 0;
      await refused(request, "bad_signature");
      costs.push(verified);
    }
    assertEquals(costs, [2, 2, 2]); // what the client with most secrets costs
  } finally {
    crypto.subtle.verify = verify;
  }
});

Deno.test("an answer's key makes no request", async () => {
  await refused(
    await signedOver(all, {}, "mcp-hmac-res-v2"),
    "bad_signature",
  );
});

Deno.test("a signature for another purpose is none", async () => {
  await refused(
    await signedOver(all, { tag: "mcp-hmac-res-v2" }),
    "missing_signature",
  );
});

Deno.test("what another version of the profile signed is refused, and told what to do", async () => {
  for (const tag of ["mcp-hmac-req-v1", "mcp-hmac-req-v3"]) {
    const request = await signedOver(all, { tag });
    await refused(request, "other_profile");
    const response = challenge(request, "other_profile");
    const { error } = await response.json();
    assertEquals(error.data, { reason: "other_profile" });
    for (
      const said of [error.message, response.headers.get("www-authenticate")]
    ) {
      assertStringIncludes(said, "update the client");
      assertStringIncludes(said, "the server's id");
    }
  }
});

Deno.test("a fetch that is not told for which server to sign is none", () => {
  for (const serverId of [undefined, "", "a b", SECRET]) {
    const error = assertThrows(
      () =>
        signedFetch({
          clientId: "client-001",
          secret: SECRET,
          serverId: serverId as string,
        }),
      TypeError,
      "signedFetch needs serverId",
    );
    assert(!error.message.includes(SECRET));
  }
});

Deno.test("two signatures with the tag are refused, one beside a stranger's is not", async () => {
  const request = await signedRequest();
  const double = (name: string, change: (value: string) => string) => {
    const value = request.headers.get(name) ?? "";
    request.headers.append(name, change(value));
  };
  double("signature", () => "proxy=:AAAA:");
  double("signature-input", () => 'proxy=("@path");created=1;keyid="p"');
  await verifyRequest(request, bytesOf(CALL), options);
  double("signature", () => "mcp2=:AAAA:");
  double(
    "signature-input",
    (value) => value.split(", ")[0].replace(/^mcp/, "mcp2"),
  );
  await refused(request, "malformed_signature");
});

Deno.test("a stranger's signature beside ours changes nothing, whatever parameters it has", async () => {
  const strangers = [
    'proxy=("@path");created=1;keyid="p";mode=fast',
    'proxy=("@path" "date";sf);created=1;weight=0.75',
    'proxy=();a=1.5;b=-0.125;c=?1;d;e=:AAA=:;f=@1659578233;g=%"f%c3%bc"',
    'proxy=("@query-param";name="a";x=*t/oken:1);tag="web-bot-auth";alg=ed25519',
    "a=(), b=();x=y, c=( );z",
  ];
  for (const stranger of strangers) {
    for (const isFirst of [true, false]) {
      const request = await signedRequest();
      for (
        const [name, more] of [["signature-input", stranger], [
          "signature",
          "proxy=a.token",
        ]]
      ) {
        const own = request.headers.get(name) ?? "";
        const both = isFirst ? [more, own] : [own, more];
        request.headers.set(name, both.join(", "));
      }
      const { caller } = await verifyRequest(request, bytesOf(CALL), options);
      assertEquals(caller.id, "client-001", stranger);
    }
  }
  // Ours may have no such parameters.
  for (const more of [";x=token", ";x=1.5", ";x=?1", ";x=:AAA=:", ";x=@1"]) {
    const request = await signedRequest();
    const own = request.headers.get("signature-input") ?? "";
    request.headers.set("signature-input", own + more);
    await refused(request, "malformed_signature");
  }
  // And what is no dictionary is none, whoever wrote it.
  for (
    const broken of [
      "proxy=(",
      "proxy=1.2345",
      "proxy=a b",
      "proxy=-",
      "=1",
      "proxy=%x",
    ]
  ) {
    const request = await signedRequest();
    request.headers.append("signature-input", broken);
    await refused(request, "malformed_signature");
  }
});

Deno.test("expires, nonce and alg are required, and the nonce is long enough", async () => {
  for (const name of ["created", "expires", "nonce", "keyid", "alg"]) {
    const request = await signedRequest();
    const input = request.headers.get("signature-input") ?? "";
    const without = input.replace(new RegExp(`;${name}=[^;]+`), "");
    assert(without.length < input.length);
    request.headers.set("signature-input", without);
    await refused(request, "bad_parameters");
  }
  await refused(
    await signedOver(all, { nonce: "n".repeat(21) }),
    "bad_parameters",
  );
  await refused(
    await signedOver(all, { alg: "rsa-pss-sha512" }),
    "bad_parameters",
  );
});

Deno.test("behind a proxy what the client called is what was signed", async () => {
  const { headers } = await signedRequest();
  const inside = new Request("http://10.0.0.7:8080/mcp?a=1", {
    method: "POST",
    headers,
  });
  await refused(inside, "bad_signature");
  await verifyRequest(inside, bytesOf(CALL), {
    ...options,
    urlOf: ({ url }) =>
      url.replace("http://10.0.0.7:8080", "https://MCP.example.com"),
  });
});

Deno.test("the challenge says what a signature of this very request must cover", async () => {
  const request = new Request(URL_OF_SERVER, {
    method: "POST",
    headers: { ...FIELDS, "mcp-param-region": "eu" },
    body: CALL,
  });
  const response = challenge(request, "missing_signature");
  assertEquals(response.status, 401);
  assertEquals(Object.fromEntries(response.headers), {
    "accept-signature":
      'mcp=("@method" "@authority" "@path" "@query" "content-type" "content-digest" "mcp-method" "mcp-name" "mcp-param-region" "mcp-protocol-version");created;expires;alg="hmac-sha256";tag="mcp-hmac-req-v2"',
    "cache-control": "no-store",
    "content-type": "application/json",
    "want-content-digest": "sha-256=10",
    "www-authenticate": 'Signature realm="mcp", error="missing_signature"',
  });
  assertEquals(await response.json(), {
    jsonrpc: "2.0",
    error: {
      code: 1401,
      message: "Signature required",
      data: { reason: "missing_signature" },
    },
  });
});

Deno.test("no secret stands in a request or in a refusal", async () => {
  const request = await signedRequest();
  const refusal = challenge(request, "bad_signature");
  const seen = JSON.stringify([
    [...request.headers],
    [...refusal.headers],
    await refusal.text(),
  ]);
  assert(!seen.includes(SECRET) && !seen.includes(btoa(SECRET)));
  assertStringIncludes(seen, "client-001");
});
