/** Signatures at the MCP endpoint: who calls, and that nobody calls twice. */
import { assertEquals, assertMatch } from "@std/assert";
import { signed } from "./support/envelopes.ts";
import { mcpRequest } from "./support/mcp.ts";
import { OTHER } from "./support/parties.ts";
import { withServer } from "./support/servers.ts";
import { signingClient } from "./support/signing_client.ts";

const sum = () =>
  mcpRequest("tools/call", {
    name: "batch_sum",
    arguments: { numbers: [1, 2] },
  });

Deno.test("a signed call is answered, and the answer is signed", () =>
  withServer(async (server) => {
    const { fetch } = signingClient(server.handle);
    const { result } = await (await fetch(sum())).json();
    assertEquals(result.structuredContent, { count: 2, total: 3 });
  }));

Deno.test("a call that is sent again as it was is refused; a list may be", () =>
  withServer(async (server) => {
    const { fetch, sent } = signingClient(server.handle);
    await (await fetch(sum())).body?.cancel();
    const replayed = await server.handle(sent[0]);
    assertEquals([replayed.status, (await replayed.json()).error.code], [
      409,
      1409,
    ]);
    await (await fetch(mcpRequest("tools/list"))).body?.cancel();
    const repeated = await server.handle(sent[1]);
    assertEquals(repeated.status, 200);
    await repeated.body?.cancel();
  }));

Deno.test("a batch spends its one nonce once, and all of it is answered", () =>
  withServer(async (server) => {
    const { fetch, sent } = signingClient(server.handle);
    const call = (id: number) => ({
      jsonrpc: "2.0",
      id,
      method: "tools/call",
      params: { name: "batch_sum", arguments: { numbers: [id] } },
    });
    const response = await fetch("http://localhost/mcp", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify([call(1), call(2)]),
    });
    const totals = (await response.json()).map((
      { result }: { result: { structuredContent: { total: number } } },
    ) => result.structuredContent.total);
    assertEquals(totals, [1, 2]);
    const again = await server.handle(sent[0]);
    assertEquals(again.status, 409);
    await again.body?.cancel();
  }));

Deno.test("a job that an envelope started is its client's task, and nobody else's", () =>
  withServer(async (server) => {
    const { answer } = await server.post(
      signed({ tool: "answers_now", args: { value: 1 } }),
    );
    const { job_id: taskId } = answer.result as { job_id: string };
    const own = signingClient(server.handle);
    const ask = () => mcpRequest("tasks/get", { taskId });
    const { result } = await (await own.fetch(ask())).json();
    assertMatch(result.status, /working|completed/);
    const other = signingClient(server.handle, OTHER);
    const { error } = await (await other.fetch(ask())).json();
    assertEquals(error.code, -32602);
  }));

Deno.test("where every call spends its nonce, so does a list", () =>
  withServer(async (server) => {
    const { fetch, sent } = signingClient(server.handle);
    await (await fetch(mcpRequest("tools/list"))).body?.cancel();
    const replayed = await server.handle(sent[0]);
    assertEquals(replayed.status, 409);
    await replayed.body?.cancel();
  }, { nonces: { spend: "every-call" } }));

Deno.test("a task is cancelled or told something once by one signature", () =>
  withServer(async (server) => {
    const { answer } = await server.post(
      signed({ tool: "waits_forever", args: {} }),
    );
    const { job_id: taskId } = answer.result as { job_id: string };
    const { fetch, sent } = signingClient(server.handle);
    const requests = [
      mcpRequest("tasks/update", { taskId, inputResponses: {} }),
      mcpRequest("tasks/cancel", { taskId }),
    ];
    for (const [i, request] of requests.entries()) {
      await (await fetch(request)).body?.cancel();
      const replayed = await server.handle(sent[i]);
      assertEquals(replayed.status, 409);
      await replayed.body?.cancel();
    }
  }));
