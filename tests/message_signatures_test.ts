import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  contentDigest,
  matchesDigest,
  type Message,
  sign,
  signatureBase,
  SignatureError,
  type SignatureParams,
  type SignaturePolicy,
  type SignatureReason,
  verify,
} from "@countersign/mcp/signatures";
// deno-lint-ignore no-import-prefix -- for this test alone
import { httpbis } from "npm:http-message-signatures@1.0.5";
import { createHmac, timingSafeEqual } from "node:crypto";

const utf8 = new TextEncoder();

// RFC 9421, appendix B.1.5
const secret = Uint8Array.from(
  atob(
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==",
  ),
  (character) => character.charCodeAt(0),
);
const key = await crypto.subtle.importKey(
  "raw",
  secret,
  { name: "HMAC", hash: "SHA-256" },
  false,
  ["sign", "verify"],
);
const keyOf = (keyid: string) =>
  keyid === "test-shared-secret" ? key : undefined;

// RFC 9421, appendix B.2: test-request
function testRequest(more: Record<string, string> = {}): Request {
  return new Request("https://example.com/foo?param=Value&Pet=dog", {
    method: "POST",
    headers: {
      "date": "Tue, 20 Apr 2021 02:07:55 GMT",
      "content-type": "application/json",
      "content-digest":
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
      ...more,
    },
    body: '{"hello": "world"}',
  });
}

// RFC 9421, appendix B.2.5
const B25 = {
  components: ["date", "@authority", "content-type"],
  params: { created: 1618884473, keyid: "test-shared-secret" },
  base: `"date": Tue, 20 Apr 2021 02:07:55 GMT
"@authority": example.com
"content-type": application/json
"@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"`,
  fields: {
    "signature-input":
      'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    signature: "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
  },
};

const policy: SignaturePolicy = {
  tag: undefined,
  components: ["@authority"],
  params: [],
  maxAge: 60,
  skew: 0,
  nowSeconds: 1618884473,
};

async function refused(
  message: Message,
  reason: SignatureReason,
  change: Partial<SignaturePolicy> = {},
): Promise<void> {
  const error = await assertRejects(
    () => verify(message, keyOf, { ...policy, ...change }),
    SignatureError,
  );
  assertEquals(error.reason, reason);
}

/** A request with a signature over what the test says. */
async function signed(
  components: readonly string[],
  params: Partial<Record<keyof SignatureParams, unknown>> = {},
  more: Record<string, string> = {},
): Promise<Request> {
  const request = testRequest(more);
  const fields = await sign({ request }, key, components, {
    ...B25.params,
    ...params,
  } as SignatureParams);
  for (const [name, value] of Object.entries(fields)) {
    request.headers.set(name, value);
  }
  return request;
}

Deno.test("the signature base of RFC 9421 B.2.5 is as published", () => {
  const input = B25.fields["signature-input"].slice("sig-b25=".length);
  const base = signatureBase(
    { request: testRequest() },
    B25.components,
    input,
  );
  assertEquals(new TextDecoder().decode(base), B25.base);
});

Deno.test("sign() makes the signature of RFC 9421 B.2.5", async () => {
  const request = testRequest();
  assertEquals(
    await sign({ request }, key, B25.components, B25.params, "sig-b25"),
    B25.fields,
  );
});

Deno.test("verify() accepts the signature of RFC 9421 B.2.5", async () => {
  const { params, components } = await verify(
    { request: testRequest(B25.fields) },
    keyOf,
    policy,
  );
  assertEquals(params, B25.params);
  assertEquals(components, B25.components);
});

// RFC 9530, appendix D
const CONTENT = utf8.encode('{"hello": "world"}');
const SHA_256 = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
const SHA_512 =
  "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

Deno.test("contentDigest() is that of RFC 9530 appendices B.1 and D", async () => {
  assertEquals(await contentDigest(CONTENT), SHA_256);
  assertEquals(
    await contentDigest(utf8.encode('{"hello": "world"}\n')), // B.1 ends with a line feed
    "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
  );
});

Deno.test("matchesDigest() finds SHA-256 beside other algorithms, and needs it", async () => {
  assert(await matchesDigest(SHA_256, CONTENT));
  assert(await matchesDigest(`${SHA_512}, ${SHA_256}`, CONTENT));
  assert(!await matchesDigest(SHA_512, CONTENT));
  assert(!await matchesDigest(SHA_256, utf8.encode('{"hello": "woXYZ"}')));
  await assertRejects(() => matchesDigest("sha-256=X4", CONTENT), SyntaxError);
});

Deno.test("verify() accepts parameters in the order that the sender chose", async () => {
  const input =
    '("@authority");keyid="test-shared-secret";created=1618884473;alg="hmac-sha256"';
  const base = signatureBase({ request: testRequest() }, ["@authority"], input);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, base));
  const request = testRequest({
    "signature-input": `other=("date");created=1, x=${input}`,
    signature: `x=:${btoa(String.fromCharCode(...mac))}:, other=:AAAA:`,
  });
  await refused({ request }, "malformed_signature"); // two without a tag
  request.headers.set("signature-input", `other=("date");tag="o", x=${input}`);
  assertEquals(
    (await verify({ request }, keyOf, policy)).params.keyid,
    "test-shared-secret",
  );
});

Deno.test("another library accepts our signatures", async () => {
  const components = ["@method", "@authority", "@path", "@query"];
  const created = Math.floor(Date.now() / 1000);
  const request = await signed(components, {
    created,
    expires: created + 60,
    nonce: 'a "quoted" nonce',
    alg: "hmac-sha256",
    tag: "orders",
  });
  const verified = await httpbis.verifyMessage({
    keyLookup: ({ keyid }) =>
      Promise.resolve({
        id: keyid as string,
        algs: ["hmac-sha256"],
        verify: (data, mac) =>
          Promise.resolve(
            timingSafeEqual(
              createHmac("sha256", secret).update(data).digest(),
              mac,
            ),
          ),
      }),
    requiredFields: components,
    requiredParams: ["created", "expires", "nonce", "keyid", "alg", "tag"],
  }, {
    method: request.method,
    url: request.url,
    headers: Object.fromEntries(request.headers),
  });
  assertEquals(verified, true);
});

Deno.test("we accept the signatures of another library", async () => {
  const { headers } = await httpbis.signMessage({
    key: {
      id: "test-shared-secret",
      alg: "hmac-sha256",
      sign: (data: Uint8Array) =>
        Promise.resolve(createHmac("sha256", secret).update(data).digest()),
    },
    name: "theirs",
    fields: ["@method", "@authority", "@path", "@query", "content-type"],
    params: ["created", "expires", "nonce", "keyid", "alg", "tag"],
    paramValues: {
      created: new Date(1618884473_000),
      expires: new Date(1618884533_000),
      nonce: "n",
      tag: "orders",
    },
  }, {
    method: "POST",
    url: "https://example.com/foo?param=Value&Pet=dog",
    headers: { "content-type": "application/json" },
  });
  const fields = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, String(value)]),
  );
  const request = new Request("https://example.com/foo?param=Value&Pet=dog", {
    method: "POST",
    headers: fields,
  });
  const { params } = await verify({ request }, keyOf, {
    ...policy,
    tag: "orders",
    components: ["@method", "@query", "content-type"],
  });
  assertEquals(params.nonce, "n");
});

Deno.test("a response is bound to the request that it answers", async () => {
  const request = testRequest();
  const response = new Response("ok");
  const components = ["@status", "@method;req", "content-digest;req"];
  const fields = await sign({ request, response }, key, components, B25.params);
  for (const [name, value] of Object.entries(fields)) {
    response.headers.set(name, value);
  }
  const asked = { ...policy, components };
  await verify({ request, response }, keyOf, asked);
  await refused(
    { request: testRequest({ "content-digest": "sha-256=:AAAA:" }), response },
    "bad_signature",
    { components },
  );
});

Deno.test("a signature that covers nothing is refused", async () => {
  await refused({ request: await signed([]) }, "insufficient_coverage");
});

Deno.test("a component that the message has not is refused", async () => {
  const request = await signed(["@authority", "date"]);
  request.headers.delete("date");
  await refused({ request }, "insufficient_coverage");
});

Deno.test("a component that is covered twice is refused", async () => {
  const request = testRequest({
    ...B25.fields,
    "signature-input": B25.fields["signature-input"]
      .replace('"date"', '"date" "date"'),
  });
  await refused({ request }, "insufficient_coverage");
});

Deno.test("a component parameter that changes the value is refused", async () => {
  const request = testRequest({
    ...B25.fields,
    "signature-input": B25.fields["signature-input"]
      .replace('"date"', '"date";sf'),
  });
  await refused({ request }, "insufficient_coverage");
});

Deno.test("a request has no request of its own to cover", async () => {
  const request = testRequest({
    ...B25.fields,
    "signature-input": B25.fields["signature-input"]
      .replace('"date"', '"date";req'),
  });
  await refused({ request }, "insufficient_coverage");
});

Deno.test("a covered field that was changed is refused", async () => {
  const request = testRequest(B25.fields);
  request.headers.set("date", "Tue, 20 Apr 2021 02:07:56 GMT");
  await refused({ request }, "bad_signature");
});

Deno.test("covered components in another order are refused", async () => {
  const request = testRequest({
    ...B25.fields,
    "signature-input": B25.fields["signature-input"]
      .replace('"date" "@authority"', '"@authority" "date"'),
  });
  await refused({ request }, "bad_signature");
});

Deno.test("a signature under another key is refused", async () => {
  const request = await signed(["@authority"], { keyid: "somebody-else" });
  await refused({ request }, "bad_signature");
});

Deno.test("a message without a signature is refused", async () => {
  await refused({ request: testRequest() }, "missing_signature");
  await refused({ request: testRequest(B25.fields) }, "missing_signature", {
    tag: "orders",
  });
});

const MALFORMED = {
  "no inner list": 'sig="date";created=1;keyid="k"',
  "a trailing comma": `${B25.fields["signature-input"]},`,
  "a key that repeats": `${B25.fields["signature-input"]}, ${
    B25.fields["signature-input"]
  }`,
  "a parameter that repeats": `${B25.fields["signature-input"]};created=1`,
  "a token": "sig-b25=(date);created=1",
  "a decimal": 'sig-b25=("date");created=1.5;keyid="k"',
  "no space between items": 'sig-b25=("date""@authority");created=1;keyid="k"',
  "an open string": 'sig-b25=("date);created=1;keyid="k"',
  "something after it": `${B25.fields["signature-input"]} x`,
};
for (const [what, input] of Object.entries(MALFORMED)) {
  Deno.test(`a signature input with ${what} is refused`, async () => {
    const request = testRequest({ ...B25.fields, "signature-input": input });
    await refused({ request }, "malformed_signature");
  });
}

Deno.test("a signature that is no byte sequence is refused", async () => {
  for (const signature of ['sig-b25="AAAA"', "sig-b25=:A:", "sig-b25", ""]) {
    const request = testRequest({ ...B25.fields, signature });
    await refused({ request }, "malformed_signature");
  }
});

Deno.test("parameters of a wrong type or value are refused", async () => {
  for (
    const params of [
      { created: "1618884473" },
      { keyid: 7 },
      { alg: "hmac-sha512" },
      { nonce: 7 },
      { expires: "never" },
    ]
  ) {
    const request = await signed(["@authority"], params);
    await refused({ request }, "bad_parameters");
  }
  const request = await signed(["@authority"]);
  await refused({ request }, "bad_parameters", { params: ["nonce"] });
});

Deno.test("a signature counts from created to expires, give or take the skew", async () => {
  const request = await signed(["@authority"], { expires: 1618884533 });
  const at = (nowSeconds: number) => ({ nowSeconds, skew: 5 });
  for (const now of [1618884468, 1618884538]) {
    await verify({ request }, keyOf, { ...policy, ...at(now) });
  }
  for (const now of [1618884467, 1618884539]) {
    await refused({ request }, "outside_time_window", at(now));
  }
  await refused({ request }, "outside_time_window", { maxAge: 59 });
});

Deno.test("a policy without nowSeconds is refused: it would let every time through", async () => {
  const request = await signed(["@authority"]);
  const { nowSeconds: now, ...rest } = policy;
  await assertRejects(
    () => verify({ request }, keyOf, { ...rest, now } as never),
    TypeError,
    "nowSeconds",
  );
});

Deno.test("a signature that never ends is stale after its longest life", async () => {
  const request = await signed(["@authority"]);
  await verify({ request }, keyOf, { ...policy, nowSeconds: 1618884533 });
  await refused({ request }, "outside_time_window", { nowSeconds: 1618884534 });
});

Deno.test("sign() refuses what it could not write", async () => {
  const request = testRequest();
  await assertRejects(
    () => sign({ request }, key, ["@method", "@method"], B25.params),
    TypeError,
    'Cannot cover "@method"',
  );
  await assertRejects(
    () => sign({ request }, key, ["x-absent"], B25.params),
    TypeError,
    'Cannot cover "x-absent"',
  );
  await assertRejects(
    () => sign({ request }, key, [], { ...B25.params, nonce: "line\nfeed" }),
    TypeError,
    "in a structured field",
  );
});
