/** Jobs over KV Connect while answers get lost: nothing is done twice, or not at all. */
import { assert, assertEquals } from "@std/assert";
import { connectKv } from "@countersign/mcp/kv-connect";
import { storeChecks as checks } from "../../src/testing/job_contract.ts";
import { storeOn } from "../../src/testing/job_samples.ts";
import { memoryRows } from "./memory_rows.ts";
import { type Fault, kvServer } from "./server.ts";

const token = "an-access-token";
const READ = "/data/snapshot_read";
const WRITE = "/data/atomic_write";
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
  for (const [name, check] of Object.entries(checks)) {
    await test.step(name, async () => {
      const { handle, befall, paths } = kvServer({ rows: memoryRows(), token });
      for (let i = 0; i < 50; i++) befall(WRITE, ...FAULTS);
      for (let i = 0; i < 50; i++) befall(READ, ...FAULTS);
      const lost = new Set<string>();
      const fetch = (request: Request) =>
        handle(request).catch((error) => {
          lost.add(new URL(request.url).pathname);
          throw error;
        });
      const url = "https://kv.example/";
      await check(storeOn(connectKv({ url, token, fetch })));
      // On either path the first answer is lost, if ever it was asked for.
      assertEquals(lost, new Set(paths.filter((path) => path !== "/")));
      assert(lost.size > 0);
    });
  }
});
