/** Streams that clients hold open. */
import { assertEquals } from "@std/assert";
import { ask, mcpRequest } from "./support/mcp.ts";
import { withServer } from "./support/servers.ts";

Deno.test("a client may hold so many streams open and no more; who closes one may open another", async () => {
  await withServer(async ({ handle }) => {
    const listen = () =>
      handle(mcpRequest("subscriptions/listen", { notifications: {} }));
    const first = await listen();
    const second = await listen();
    assertEquals([first.status, second.status], [200, 200]);
    const refused = await listen();
    assertEquals(refused.status, 429);
    assertEquals(refused.headers.get("retry-after"), "1");
    await refused.body?.cancel();
    await first.body?.cancel();
    const third = await listen();
    assertEquals(third.status, 200);
    const { result } = await ask({ handle }, mcpRequest("tools/list", {}));
    assertEquals(Array.isArray(result?.tools), true);
    await second.body?.cancel();
    await third.body?.cancel();
  }, { mcp: { authenticate: "none", maxStreams: 2 } });
});
