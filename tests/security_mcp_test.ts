/** The rows of SECURITY.md's table that are about `/mcp`, by their names. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { bearer } from "../src/bearer.ts";
import { SignatureError } from "../src/signatures/mod.ts";
import { defineTool, type Server, type, withParamHeaders } from "../mod.ts";
import {
  CLIENT_ID,
  OTHER,
  OTHER_ID,
  OTHER_SECRET,
  SECRET,
  SERVER_ID,
} from "./support/parties.ts";
import { ask, call, mcpRequest, raw } from "./support/mcp.ts";
import { withServer } from "./support/servers.ts";
import { signingClient } from "./support/signing_client.ts";
import { tools } from "./support/tools.ts";

function threat(name: string, test: () => Promise<void>): void {
  Deno.test(name, test);
}

const sum = () =>
  mcpRequest("tools/call", {
    name: "batch_sum",
    arguments: { numbers: [1, 2, 3] },
  });

/** What a client signed, on its way to the server. */
async function signedRequest(
  request: Request,
  secret = SECRET,
  serverId = SERVER_ID,
): Promise<Request> {
  const refusing = () => new Response(null, { status: 503 });
  const { fetch, sent } = signingClient(refusing, { secret, serverId });
  await fetch(request);
  return sent[0];
}

async function statusOf(
  { handle }: Pick<Server, "handle">,
  request: Request,
): Promise<number> {
  const response = await handle(request);
  await response.body?.cancel();
  return response.status;
}

threat(
  "An MCP endpoint stands open by mistake",
  () =>
    withServer(async (server) => {
      for (const method of ["server/discover", "tools/list"]) {
        assertEquals(await statusOf(server, mcpRequest(method)), 401);
      }
      assertEquals(await statusOf(server, sum()), 401);
    }),
);

threat(
  "An MCP request is forged, changed or replayed",
  () =>
    withServer(async (server) => {
      const request = await signedRequest(sum());
      const body = await request.clone().text();
      const forged = await signedRequest(sum(), OTHER_SECRET);
      assertEquals(await statusOf(server, forged), 401);
      const changed = new Request(request.clone(), {
        body: body.replace("[1,2,3]", "[1,2,4]"),
      });
      assertEquals(await statusOf(server, changed), 401);
      assertEquals(await statusOf(server, request.clone()), 200);
      assertEquals(await statusOf(server, request.clone()), 409);
    }),
);

threat(
  "An MCP request for another server is sent here",
  () =>
    withServer(async (server) => {
      // Another's with the same clients, and under the same name on the wire.
      for (const other of ["mcp-server-002", `${SERVER_ID}2`]) {
        const request = await signedRequest(sum(), SECRET, other);
        assertEquals(await statusOf(server, request), 401, other);
      }
      const request = await signedRequest(sum());
      assertEquals(await statusOf(server, request), 200);
    }),
);

threat(
  "A header of an MCP request is added or taken away",
  () =>
    withServer(async (server) => {
      const added = await signedRequest(sum());
      added.headers.set("mcp-param-tenant", "another");
      assertEquals(await statusOf(server, added), 401);
      for (const name of ["mcp-name", "mcp-method", "content-digest"]) {
        const stripped = await signedRequest(sum());
        stripped.headers.delete(name);
        assertEquals(await statusOf(server, stripped), 401, name);
      }
    }),
);

threat(
  "A gateway is misled by headers that lie",
  () =>
    withServer(async (server) => {
      const lies = { "mcp-method": "tools/list", "mcp-name": "echo" };
      for (const lie of Object.entries(lies)) {
        const headers = Object.fromEntries([lie]);
        const modern = mcpRequest("tools/call", {
          name: "batch_sum",
          arguments: { numbers: [1] },
        }, { headers });
        assertEquals(await statusOf(server, modern), 400);
        const body = JSON.stringify({
          jsonrpc: "2.0",
          id: 1,
          method: "tools/call",
          params: { name: "batch_sum", arguments: { numbers: [1] } },
        });
        const legacy = { "content-type": "application/json", ...headers };
        assertEquals(await statusOf(server, raw(body, legacy)), 400);
      }
    }, { mcp: { authenticate: "none" } }),
);

threat(
  "An MCP answer is forged, or given to another request",
  () =>
    withServer(async ({ handle }) => {
      const through = (change: (response: Response) => Promise<Response>) =>
        signingClient(async (request) => await change(await handle(request)))
          .fetch;
      const honest = through((response) => Promise.resolve(response));
      assertEquals((await honest(sum())).status, 200);
      let earlier: Response | undefined;
      const changes = [
        async (response: Response) =>
          new Response((await response.text()).replace("6", "7"), response),
        (response: Response) => {
          const headers = new Headers(response.headers);
          headers.delete("signature");
          return Promise.resolve(new Response(response.body, { headers }));
        },
        (response: Response) => {
          earlier ??= response;
          return Promise.resolve(earlier.clone());
        },
      ];
      for (const change of changes) {
        const fetch = through(change);
        const read = async () => await (await fetch(sum())).text();
        await read().catch(() => {}); // gives the third change what to repeat
        await assertRejects(read, SignatureError);
      }
    }),
);

threat(
  "A web page makes a browser call the server",
  () =>
    withServer(async (server) => {
      const from = (headers: Record<string, string>) =>
        mcpRequest("tools/list", {}, { headers });
      const evil = { origin: "https://evil.example" };
      assertEquals(await statusOf(server, from(evil)), 403);
      // DNS rebinding: the page's own name, on this machine.
      const rebound = new Request("http://evil.example/mcp", from({}));
      assertEquals(await statusOf(server, rebound), 403);
      assertEquals(await statusOf(server, from({})), 200);
    }, { mcp: { authenticate: "none" } }),
);

threat("An MCP client finds out which tools it was not given", async () => {
  const input = withParamHeaders(type({ region: "string" }), { region: "R" });
  const hidden = {
    routed: defineTool({ description: "Routed", input, run: () => 1 }),
    a_task: defineTool({
      description: "A task or nothing",
      input: type({}),
      job: { inline: false },
      run: () => 1,
    }),
    a_job: defineTool({
      description: "A job",
      input: type({}),
      job: true,
      run: () => 1,
    }),
  };
  const answersOf = async (tool: string, all: typeof hidden | object) => {
    const answers: unknown[] = [];
    const clients = { [CLIENT_ID]: { secret: SECRET, tools: ["echo"] } };
    await withServer(async ({ handle }) => {
      const { fetch } = signingClient(handle);
      const params = (args: object) => ({ name: tool, arguments: args });
      const legacy = JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method: "tools/call",
        params: params({}),
      });
      const json = { "content-type": "application/json" };
      const lying = { headers: { "mcp-param-r": "us" } };
      const requests = [
        mcpRequest("tools/call", params({})),
        mcpRequest("tools/call", params({ region: "eu" })),
        mcpRequest("tools/call", params({ region: "eu" }), lying),
        mcpRequest("tools/call", params({}), { capabilities: {} }),
        mcpRequest("tools/call", params([])),
        mcpRequest("tools/call", { ...params({}), requestState: "x" }),
        mcpRequest("tools/list"),
        mcpRequest("tools/list", { cursor: btoa(tool) }),
        mcpRequest("server/discover"),
        raw(legacy, json),
        raw(legacy, { ...json, ...lying.headers }),
        raw('{"jsonrpc":"2.0","id":1,"method":"tools/list"}', json),
      ];
      for (const request of requests) {
        const response = await fetch(request);
        const text = (await response.text()).replaceAll(tool, "TOOL");
        answers.push([response.status, text]);
      }
    }, { clients, tools: { echo: tools.echo, ...all } });
    return answers;
  };
  for (const name of Object.keys(hidden)) {
    assertEquals(
      await answersOf(name, hidden),
      await answersOf(name, {}),
      name,
    );
  }
});

threat("A requestState is changed, or used by another", async () => {
  const asking = defineTool({
    description: "Asks before it answers",
    input: type({ file: "string" }),
    run: async ({ file }, { ask }) =>
      `${file}: ${
        (await ask("sure", {
          message: "Are you sure?",
          form: type({ yes: "boolean" }),
        })).action
      }`,
  });
  const authenticate = (request: Request) =>
    Promise.resolve({ id: request.headers.get("x-who") ?? CLIENT_ID });
  await withServer(async (server) => {
    const args = { file: "a" };
    const first = await call(server, "asking", args);
    const state = String(first.result?.requestState);
    const misused = [
      { params: { requestState: `${state.slice(0, -2)}AA` } },
      { params: { requestState: state }, headers: { "x-who": OTHER_ID } },
    ];
    for (const changes of misused) {
      const said = await call(server, "asking", args, changes);
      assertEquals(said.error?.code, -32602);
    }
    const other = { params: { requestState: state } };
    const said = await call(server, "asking", { file: "b" }, other);
    assertEquals(said.error?.code, -32602);
  }, { tools: { asking }, mcp: { authenticate } });
});

threat(
  "A task is reached by another client",
  () =>
    withServer(async ({ handle }) => {
      const owner = signingClient(handle);
      const created = await call(owner, "waits_forever");
      const taskId = String(created.result?.taskId);
      for (const method of ["tasks/get", "tasks/cancel", "tasks/update"]) {
        const params = {
          taskId,
          ...method === "tasks/update" && { inputResponses: {} },
        };
        const other = signingClient(handle, OTHER);
        const said = await ask(other, mcpRequest(method, params));
        assertEquals(said.error?.code, -32602, method);
      }
      const said = await ask(owner, mcpRequest("tasks/get", { taskId }));
      assertEquals(said.result?.status, "working");
      await ask(owner, mcpRequest("tasks/cancel", { taskId }));
    }, { tools }),
);

threat("A bearer token is guessed", async () => {
  assertThrows(() => bearer({ [CLIENT_ID]: "short" }), RangeError, "5 bytes");
  const authenticate = bearer({ [CLIENT_ID]: SECRET });
  await withServer(async (server) => {
    const withToken = (token: string) =>
      mcpRequest("tools/list", {}, {
        headers: { authorization: `Bearer ${token}` },
      });
    const guesses = [SECRET.slice(0, -1), `${SECRET}x`, OTHER_SECRET];
    for (const guess of guesses) {
      const request = withToken(guess);
      assertEquals(await statusOf(server, request), 401, guess);
    }
    assertEquals(await statusOf(server, withToken(SECRET)), 200);
  }, { mcp: { authenticate } });
});
