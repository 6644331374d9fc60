/**
 * KV Connect over loopback HTTP to one server: our client beside Deno's own,
 * and beside a bare round trip, its floor.
 */
import { connectKv } from "../src/kv_connect/mod.ts";
import { memoryRows } from "../tests/kv_connect/memory_rows.ts";
import { kvServer } from "../tests/kv_connect/server.ts";

const token = "a-token-for-the-bench";
const { handle } = kvServer({ rows: memoryRows(), token });
const server = Deno.serve({ port: 0, onListen() {} }, handle);
const bare = Deno.serve(
  { port: 0, onListen() {} },
  async (request) => new Response(await request.bytes()),
);
const url = `http://127.0.0.1:${server.addr.port}/`;
Deno.env.set("DENO_KV_ACCESS_TOKEN", token);
const stores = {
  "Countersign's connectKv": connectKv({ url, token }),
  "Deno's own client": await Deno.openKv(url),
};
addEventListener("unload", () => {
  Object.values(stores).forEach((store) => store.close());
});
const value = new TextEncoder().encode("x".repeat(300));
const body = new Uint8Array(350);

async function roundTrip(): Promise<void> {
  const target = `http://127.0.0.1:${bare.addr.port}/`;
  await (await fetch(target, { method: "POST", body })).bytes();
}

for (const group of ["KV Connect, get", "KV Connect, check and set"]) {
  const options = { group, n: 500, warmup: 50 };
  Deno.bench(`${group}: floor, a round trip`, {
    ...options,
    baseline: true,
  }, async () => {
    await roundTrip();
  });
  for (const [name, kv] of Object.entries(stores)) {
    await kv.atomic().set(["bench", "key"], value).commit();
    Deno.bench(`${group}: ${name}`, options, async () => {
      if (group.endsWith("get")) {
        const { versionstamp } = await kv.get(["bench", "key"]);
        if (versionstamp === null) throw new Error("nothing is there");
        return;
      }
      const key = ["bench", crypto.randomUUID()];
      const { ok } = await kv.atomic().check({ key, versionstamp: null })
        .set(key, value).commit();
      if (!ok) throw new Error("not committed");
    });
  }
}
