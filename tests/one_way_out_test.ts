/** `handle` never throws: what once made it throw, and more of the kind. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  createServer,
  defineTool,
  type ServerOptions,
  ToolError,
  type,
} from "../mod.ts";
import { request, signed } from "./support/envelopes.ts";
import {
  CLIENT_ID,
  SECRET,
  SERVER_ID,
  SERVER_SECRET,
} from "./support/parties.ts";

const HALF = "\ud83d"; // half of an emoji

/** Even `instanceof` throws of it. */
function revokedProxy(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const options: ServerOptions = {
  serverId: SERVER_ID,
  serverSecret: SERVER_SECRET,
  clients: { [CLIENT_ID]: SECRET },
  nonces: { store: "memory" },
  tools: {
    throws: defineTool({
      description: "Throws what it is told to",
      input: type({ what: "string" }),
      run({ what }) {
        throw ({
          revoked: revokedProxy(),
          half: new ToolError(`cut here: ${HALF}`),
          null: null,
          frozen: Object.freeze({}),
          unreadable: {
            get message(): string {
              throw new Error("no message");
            },
          },
        } as Record<string, unknown>)[what];
      },
    }),
    returns: defineTool({
      description: "Returns half an emoji",
      input: type({}),
      run: () => ({ cut: HALF }),
    }),
  },
  log: () => {},
};

/** Whatever happens, the answer is an envelope with all its members. */
async function refusalOf(handled: Promise<Response>) {
  const response = await handled;
  const envelope = await response.json();
  assertEquals(
    Object.keys(envelope).sort().join(),
    "error,ok,request_id,result,server_id,signature,status,ts_ms,v",
  );
  assertEquals(envelope.ok, false);
  assert(envelope.error.isWellFormed());
  return { status: response.status, error: envelope.error as string };
}

Deno.test("handle answers where a refusal would have held half an emoji", async () => {
  const { handle } = createServer(options);
  const name = "x😀".repeat(100);
  for (
    const body of [
      JSON.stringify({ [name]: 1 }),
      `{"${name}":1,"${name}":2}`,
      JSON.stringify({ v: `${"x".repeat(31)}😀` }),
    ]
  ) {
    const { status, error } = await refusalOf(handle(request(body)));
    assertEquals(status, 400);
    assertMatch(error, /^malformed: /);
  }
});

Deno.test("handle answers whatever a tool throws or returns", async () => {
  const { handle } = createServer(options);
  for (const what of ["half", "null", "frozen", "unreadable", "revoked"]) {
    const call = signed({ tool: "throws", args: { what } });
    const { status, error } = await refusalOf(handle(request(call)));
    assertEquals(status, 500);
    assertMatch(error, /^tool_failed: /);
  }
  const call = signed({ tool: "returns", args: {} });
  const { status, error } = await refusalOf(handle(request(call)));
  assertEquals(status, 500);
  assertMatch(error, /^tool_failed: /);
});

Deno.test("handle answers a request whose Host is no host", async () => {
  const { handle } = createServer(options);
  for (const host of ["a b", "^", "a:99999", "%zz", "[::bad", ""]) {
    const real = request(signed());
    const url = `http://${host}/`;
    const odd = new Proxy(real, {
      get(target, name) {
        if (name === "url") return url;
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const { status, error } = await refusalOf(handle(odd));
    assertEquals([host, status], [host, 400]);
    assertMatch(error, /^malformed: /);
  }
});

Deno.test("handle answers where its own parts throw", async () => {
  const fail = (): never => {
    throw new Error("hunter2");
  };
  for (
    const broken of [
      { log: fail, rateLimit: fail },
      { rateLimit: fail },
      { now: fail },
      { log: fail, now: fail },
      { kv: fail, nonces: undefined },
      {
        kv() {
          throw null;
        },
        nonces: undefined,
      },
    ] as Partial<ServerOptions>[]
  ) {
    const { handle } = createServer({ ...options, ...broken });
    const call = signed({ tool: "returns", args: {} });
    const { status, error } = await refusalOf(handle(request(call)));
    assertEquals(status, 503);
    assertMatch(error, /^unavailable: /);
    assert(!error.includes("hunter2"));
  }
});

Deno.test("handle answers where its options cannot be made, whatever that throws", async () => {
  const { error: logged } = console;
  using _ = { [Symbol.dispose]: () => void (console.error = logged) };
  console.error = () => {}; // without options there is no other log
  for (const thrown of [null, undefined, "text", {}, new Error("no secret")]) {
    const { handle } = createServer(() => {
      throw thrown;
    });
    for (const path of ["/", "/mcp", "/else"]) {
      const answer = handle(
        new Request(`http://localhost${path}`, { method: "POST", body: "{}" }),
      );
      const { status, error } = await refusalOf(answer);
      assertEquals(status, 503);
      assertMatch(error, /^not_configured: (?!Cannot)/);
    }
  }
});
