/** Signatures of RFC 9421 beside another library's, over messages of all kinds. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { sign, SignatureError, verify } from "@countersign/mcp/signatures";
import { createHmac, timingSafeEqual } from "node:crypto";
import fc from "npm:fast-check@4.10.2";
import { httpbis } from "npm:http-message-signatures@1.0.5";

interface Signing {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly components: readonly string[];
  readonly nonce: string;
  readonly tag: string;
}

const CASES = 300;
const NOW = Math.floor(Date.now() / 1000);
const SECRET = new TextEncoder().encode("a secret that both libraries share");
const KEY = await crypto.subtle.importKey(
  "raw",
  SECRET,
  { name: "HMAC", hash: "SHA-256" },
  false,
  ["sign", "verify"],
);
const PARAMS = ["created", "expires", "nonce", "keyid", "alg", "tag"] as const;

/** What a header's value may be made of, none of it at an end. */
const word = fc.string({
  unit: fc.constantFrom(..."abc019-_.~!#$&'*+/=?^`|(){}[]<>@,;: %\"\\"),
  maxLength: 12,
}).map((text) => `x${text.replace(/\s+/g, " ")}x`);

const signings: fc.Arbitrary<Signing> = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT", "DELETE"),
  url: fc.tuple(
    fc.constantFrom("https://", "http://"),
    fc.constantFrom("example.com", "EXAMPLE.com:8443", "example.com:443"),
    fc.constantFrom("", "/", "/a/b", "/a%20b/", "/%7Euser", "/a//b"),
    fc.constantFrom("", "?", "?a=1&b=2", "?a=%20&é=1", "?a?b"),
  ).map((parts) => parts.join("")),
  headers: fc.record({
    "content-type": fc.constantFrom("application/json", "text/plain; q=1"),
    "x-one": word,
    "x-two": word,
  }),
  components: fc.shuffledSubarray([
    "@method",
    "@authority",
    "@scheme",
    "@path",
    "@query",
    "@target-uri",
    "content-type",
    "x-one",
    "x-two",
  ], { minLength: 1 }),
  nonce: word,
  tag: word,
});

function cases(): Signing[] {
  return fc.sample(signings, { seed: 9421, numRuns: CASES });
}

function policyOf({ components, tag }: Signing) {
  return {
    tag,
    components,
    params: PARAMS,
    maxAge: 60,
    skew: 5,
    nowSeconds: NOW,
  };
}

/** Their view of a request. */
function partsOf({ method, url, headers }: Request) {
  return { method, url, headers: Object.fromEntries(headers) };
}

function requestOf({ method, url, headers }: Signing): Request {
  return new Request(url, { method, headers });
}

async function signHere(signing: Signing): Promise<Request> {
  const request = requestOf(signing);
  const { components, nonce, tag } = signing;
  const params = {
    created: NOW,
    expires: NOW + 30,
    nonce,
    keyid: "k",
    alg: "hmac-sha256" as const,
    tag,
  };
  const fields = await sign({ request }, KEY, components, params);
  for (const [name, value] of Object.entries(fields)) {
    request.headers.set(name, value);
  }
  return request;
}

async function signThere(signing: Signing): Promise<Request> {
  const request = requestOf(signing);
  const { components, nonce, tag } = signing;
  const { headers } = await httpbis.signMessage({
    key: {
      id: "k",
      alg: "hmac-sha256",
      sign: (data: Uint8Array) => Promise.resolve(mac(data)),
    },
    fields: [...components],
    params: [...PARAMS],
    paramValues: {
      created: new Date(NOW * 1000),
      expires: new Date((NOW + 30) * 1000),
      nonce,
      tag,
    },
  }, partsOf(request));
  for (const [name, value] of Object.entries(headers)) {
    request.headers.set(name, String(value));
  }
  return request;
}

async function holdsThere(request: Request): Promise<boolean> {
  try {
    return await httpbis.verifyMessage({
      keyLookup: () =>
        Promise.resolve({
          id: "k",
          algs: ["hmac-sha256"],
          verify: (data, claimed) =>
            Promise.resolve(timingSafeEqual(mac(data), claimed)),
        }),
    }, partsOf(request)) === true;
  } catch {
    return false;
  }
}

function mac(data: Uint8Array) {
  return createHmac("sha256", SECRET).update(data).digest();
}

Deno.test("What is signed here holds there, and the other way round", async () => {
  for (const signing of cases()) {
    const here = await signHere(signing);
    assert(await holdsThere(here), JSON.stringify(signing));
    const there = await signThere(signing);
    const { params } = await verify(
      { request: there },
      () => KEY,
      policyOf(signing),
    );
    assertEquals(params.nonce, signing.nonce);
  }
});

Deno.test("What is changed after it was signed holds on neither side", async () => {
  let changed = 0;
  for (const signing of cases()) {
    const signed = await signHere(signing);
    for (const altered of alter(signing, signed)) {
      const policy = policyOf(signing);
      await assertRejects(
        () => verify({ request: altered }, () => KEY, policy),
        SignatureError,
      );
      assert(!await holdsThere(altered), JSON.stringify(signing));
      changed++;
    }
  }
  assert(changed > CASES);
});

/** The request with each covered component changed, one at a time. */
function* alter({ components }: Signing, signed: Request): Generator<Request> {
  for (const component of components) {
    const { method, url } = signed;
    const headers = new Headers(signed.headers);
    if (component === "@method") {
      yield new Request(url, { method: "PATCH", headers });
    } else if (component.startsWith("@")) {
      const moved = new URL(url);
      if (component === "@scheme") {
        moved.protocol = moved.protocol === "http:" ? "https:" : "http:";
        // A port that is another scheme's own would change, too.
      } else if (component === "@query") moved.search = "?changed";
      else if (component === "@path") moved.pathname = "/changed";
      else moved.hostname = "changed.example";
      yield new Request(moved, { method, headers });
    } else {
      headers.set(component, "changed");
      yield new Request(url, { method, headers });
    }
  }
}

/** Its own module, where the JSR registry can be reached. */
async function stdHttp(): Promise<StdHttp | undefined> {
  // Not a literal: no registry is asked before this.
  const specifier = ["jsr:@std/http@1", "unstable-message-signatures"];
  try {
    return await import(specifier.join("/"));
  } catch {
    return undefined;
  }
}

/** The part of it that is used here. */
interface StdHttp {
  signMessage(options: {
    message: Request;
    params: object;
    key: CryptoKey;
  }): Promise<Request>;
  verifyMessage(
    message: Request,
    keyOf: (keyId: string) => Promise<CryptoKey>,
  ): Promise<unknown[]>;
}

const std = await stdHttp();

Deno.test({
  name: "What is signed here holds for @std/http, and the other way round",
  ignore: std === undefined,
  async fn() {
    const { signMessage, verifyMessage } = std as StdHttp;
    for (const signing of cases()) {
      const here = await signHere(signing);
      assertEquals(
        (await verifyMessage(here, () => Promise.resolve(KEY))).length,
        1,
      );
      const { components, nonce, tag } = signing;
      const there = await signMessage({
        message: requestOf(signing),
        params: {
          components,
          algorithm: "hmac-sha256",
          keyId: "k",
          created: NOW,
          expires: NOW + 30,
          nonce,
          tag,
        },
        key: KEY,
      });
      await verify({ request: there }, () => KEY, policyOf(signing));
    }
  },
});
