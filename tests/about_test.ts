import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createServer } from "../mod.ts";
import { fromEnvironment } from "../src/ready_made/env.ts";
import { request, signed } from "./support/envelopes.ts";
import { SECRET, SERVER_ID, SERVER_SECRET } from "./support/parties.ts";
import { withServer } from "./support/servers.ts";

const get = (path: string, headers = {}) =>
  new Request(`http://localhost${path}`, { headers });

Deno.test("GET / tells who the server is, in JSON or as a page", async () => {
  await withServer(async ({ handle }) => {
    const json = await handle(get("/"));
    const facts = await json.json();
    assertEquals([facts.protocol, facts.server_id], ["mcp/0.1", SERVER_ID]);
    assertEquals(facts.capabilities, { async: true, stateless: true });
    const page = await handle(get("/", { accept: "text/html,*/*" }));
    assertStringIncludes(page.headers.get("content-type") ?? "", "text/html");
    assertStringIncludes(await page.text(), facts.fingerprint);
  });
});

Deno.test("GET /healthz tries the store", async () => {
  await withServer(async ({ handle }) => {
    const response = await handle(get("/healthz"));
    assertEquals([response.status, await response.json()], [200, {
      status: "ok",
    }]);
  });
  await withServer(async ({ handle }) => {
    const response = await handle(get("/healthz"));
    assertEquals([response.status, await response.json()], [503, {
      status: "unavailable",
    }]);
  }, { kv: () => Promise.reject(new Error("away")) });
});

Deno.test("the envelope endpoint may stand elsewhere", async () => {
  await withServer(async ({ handle }) => {
    const at = (path: string) =>
      new Request(`http://localhost${path}`, request(signed()));
    assertEquals((await handle(at("/rpc"))).status, 200);
    assertEquals((await handle(at("/"))).status, 404);
    assertEquals((await handle(get("/"))).status, 200);
  }, { path: "/rpc" });
});

Deno.test("the environment configures the ready-made server", async () => {
  const env = {
    COUNTERSIGN_SERVER_ID: SERVER_ID,
    COUNTERSIGN_SERVER_SECRET: SERVER_SECRET,
    COUNTERSIGN_CLIENTS: JSON.stringify({
      "client-001": ["a-newer-secret-of-client-001-as-long", SECRET],
    }),
    COUNTERSIGN_KV_URL: ":memory:",
  };
  const server = createServer(fromEnvironment);
  const response = await server.handle(request(signed()), env);
  assertEquals((await response.json()).result, { count: 3, total: 6 });
  await server.stop();
});

Deno.test("what is missing or wrong in the environment is named, never quoted", async () => {
  const whole: Record<string, string> = {
    COUNTERSIGN_SERVER_ID: SERVER_ID,
    COUNTERSIGN_SERVER_SECRET: SERVER_SECRET,
    COUNTERSIGN_CLIENTS: JSON.stringify({ "client-001": SECRET }),
  };
  const wrong: [string, string, string][] = [
    ["COUNTERSIGN_SERVER_ID", "", "Set COUNTERSIGN_SERVER_ID"],
    ["COUNTERSIGN_SERVER_SECRET", "", "Set COUNTERSIGN_SERVER_SECRET"],
    ["COUNTERSIGN_SERVER_SECRET", "hush", "4 bytes"],
    ["COUNTERSIGN_CLIENTS", "", "Set COUNTERSIGN_CLIENTS"],
    ["COUNTERSIGN_CLIENTS", "hush", "COUNTERSIGN_CLIENTS is not JSON"],
    ["COUNTERSIGN_CLIENTS", '["hush"]', "COUNTERSIGN_CLIENTS must name"],
    ["COUNTERSIGN_CLIENTS", '"hush"', "COUNTERSIGN_CLIENTS must name"],
    ["COUNTERSIGN_CLIENTS", "null", "COUNTERSIGN_CLIENTS must name"],
    ["COUNTERSIGN_CLIENTS", '{"a b":"hush"}', "The id of entry 1 of"],
    ["COUNTERSIGN_CLIENTS", '{"hush":"b"}', "The secret of entry 1 of"],
    ["COUNTERSIGN_CLIENTS", '{"hush":null}', "The secret of entry 1 of"],
    ["COUNTERSIGN_CLIENTS", '{"hush":[]}', "There is no secret in entry 1 of"],
    ["COUNTERSIGN_CLIENTS", '{"a":{"secret":1}}', "neither a text nor bytes"],
    [
      "COUNTERSIGN_CLIENTS",
      JSON.stringify({ a: { secret: SECRET, tool: ["hush"] } }),
      "more than secret and tools",
    ],
    ["COUNTERSIGN_CLIENTS", "{}", "must name clients"],
  ];
  for (const [name, value, says] of wrong) {
    const lines: string[] = [];
    const error = console.error;
    console.error = (line: string) => lines.push(line);
    try {
      const { handle } = createServer(fromEnvironment);
      const response = await handle(request(signed()), {
        ...whole,
        [name]: value,
      });
      const text = await response.text();
      assertEquals(response.status, 503);
      assertStringIncludes(text, "not_configured: ");
      assertStringIncludes(text, says.replaceAll('"', '\\"'));
      assert(!(text + lines).includes("hush"), text);
    } finally {
      console.error = error;
    }
  }
});
