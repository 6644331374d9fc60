/** The contract of `src/job/store.ts`, on Deno KV in memory and on a file. */
import { storeChecks as checks } from "../src/testing/job_contract.ts";
import { storeOn } from "../src/testing/job_samples.ts";
import { temporaryFolder } from "./support/folder.ts";

for (const kind of ["in memory", "on a file"]) {
  for (const [name, check] of Object.entries(checks)) {
    Deno.test(`Deno KV ${kind}: ${name}`, async () => {
      await using folder = await temporaryFolder();
      const path = kind === "in memory" ? ":memory:" : folder.file("kv.db");
      using kv = await Deno.openKv(path);
      await check(storeOn(kv));
    });
  }
}
