import { assert, assertEquals, assertThrows } from "@std/assert";
import { bearer } from "@countersign/mcp/bearer";

const OLD = "old-token-of-thirty-two-bytes-or-more";
const NEW = "new-token-of-thirty-two-bytes-or-more";
const OTHER = "other/token+of.thirty~two_bytes-or-more==";
const authenticate = bearer({ "client-001": [NEW, OLD], "client-002": OTHER });

const ask = (authorization?: string, url = "https://example.com/mcp") =>
  authenticate(
    new Request(url, { headers: authorization ? { authorization } : {} }),
    new Uint8Array(),
  );

async function refused(
  answer: ReturnType<typeof ask>,
  status: number,
  challenge: string,
): Promise<void> {
  const response = await answer;
  assert(response instanceof Response);
  assertEquals(response.status, status);
  assertEquals(response.headers.get("www-authenticate"), challenge);
  assertEquals(response.headers.get("cache-control"), "no-store");
  const { jsonrpc, error } = await response.json();
  assertEquals([jsonrpc, error.code], ["2.0", 1401]);
}

Deno.test("a token tells who calls, and so does the one that it replaces", async () => {
  for (
    const [token, id] of [[NEW, "client-001"], [OLD, "client-001"], [
      OTHER,
      "client-002",
    ]]
  ) assertEquals(await ask(`Bearer ${token}`), { id });
});

Deno.test("the scheme's case does not matter", async () => {
  assertEquals(await ask(`bEARER  ${NEW}`), { id: "client-001" });
});

Deno.test("without a token the challenge names no error", async () => {
  await refused(ask(), 401, 'Bearer realm="mcp"');
  await refused(ask("Basic eDp5"), 401, 'Bearer realm="mcp"');
});

Deno.test("an unknown token is an invalid_token", async () => {
  for (const token of [`${NEW}x`, NEW.slice(1), "x", NEW.toUpperCase()]) {
    await refused(
      ask(`Bearer ${token}`),
      401,
      'Bearer realm="mcp", error="invalid_token", error_description="The token is unknown"',
    );
  }
});

Deno.test("a malformed token is an invalid_request", async () => {
  for (
    const header of [
      "Bearer",
      `Bearer ${NEW} ${OLD}`,
      `Bearer ${NEW}, Bearer ${OLD}`,
      `Bearer "${NEW}"`,
      "Bearer =",
    ]
  ) {
    await refused(
      ask(header),
      400,
      'Bearer realm="mcp", error="invalid_request", error_description="The token is malformed"',
    );
  }
});

Deno.test("a token in the URL is refused, where logs would keep it", async () => {
  await refused(
    ask(`Bearer ${NEW}`, `https://example.com/mcp?access_token=${NEW}`),
    400,
    'Bearer realm="mcp", error="invalid_request", error_description="Send the token in Authorization"',
  );
});

Deno.test("tokens that cannot be good are refused at once", () => {
  const cases: [Record<string, string | string[]>, typeof Error, string][] = [
    [{}, TypeError, "Name at least one client"],
    [{ "client-001": [] }, TypeError, "Name at least one client"],
    [{ "a client": NEW }, TypeError, "The id of entry 1 of the tokens"],
    [{ "client-001": "short" }, RangeError, "has 5 bytes, fewer than 32"],
    [{ "client-001": `${NEW} x` }, TypeError, "The token of entry 1"],
    [{ a: NEW, b: NEW }, TypeError, "Two tokens are the same"],
    [[NEW] as never, TypeError, "must be by client id"],
    [{ [NEW]: "client-001" }, RangeError, "entry 1 of the tokens has 10 bytes"],
    [{ a: OLD, [`${NEW}=`]: "b" }, TypeError, "The id of entry 2"],
  ];
  for (const [tokens, Class, message] of cases) {
    const error = assertThrows(() => bearer(tokens), Class, message);
    assert(!error.message.includes(NEW));
    for (const id of Object.keys(tokens)) {
      assert(id === "client-001" || !error.message.includes(`"${id}"`));
    }
  }
});
