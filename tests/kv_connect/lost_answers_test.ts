/** Jobs over KV Connect while answers get lost: nothing is done twice, or not at all. */
import { assert } from "@std/assert";
import { connectKv } from "@countersign/mcp/kv-connect";
import { checks, storeOn } from "../runtimes/job_store_contract.ts";
import { memoryRows } from "./memory_rows.ts";
import { type Fault, kvServer } from "./server.ts";

const token = "an-access-token";
const FAULTS: Fault[] = [
  { lost: true }, // after the commit
  undefined,
  { status: 503 }, // before it
  undefined,
  undefined,
  { afterwards: 502 },
  undefined,
];

Deno.test("jobs hold their contract while answers get lost", async (test) => {
  let lost = 0;
  for (const [name, check] of Object.entries(checks)) {
    await test.step(name, async () => {
      const { handle, befall, paths } = kvServer({ rows: memoryRows(), token });
      for (let i = 0; i < 50; i++) befall("/data/atomic_write", ...FAULTS);
      for (let i = 0; i < 50; i++) befall("/data/snapshot_read", ...FAULTS);
      const url = "https://kv.example/";
      await check(storeOn(connectKv({ url, token, fetch: handle })));
      lost += paths.length;
    });
  }
  assert(lost > 100);
});
