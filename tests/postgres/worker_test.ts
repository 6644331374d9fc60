/** PostgreSQL from a Worker, in workerd: each statement over a connection of its own. */
import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { bundle } from "../runtimes/bundle.ts";
import { installed } from "../runtimes/installed.ts";
import { startWorkerd, WORKERD } from "../runtimes/workerd.ts";
import { temporaryFolder } from "../support/folder.ts";
import { sharedPostgres } from "../support/postgres.ts";

const url = WORKERD && await sharedPostgres();
const driver = url && await installed("postgres", "3.4.9");

Deno.test({
  name: "a Worker's connections hold the contracts, and requests share none",
  ignore: driver === undefined,
  async fn() {
    await using folder = await temporaryFolder();
    // The driver has a build of its own for Workers, which wrangler finds.
    const { arktype } = config.imports;
    const imports = {
      postgres: `file://${driver}postgres/cf/src/index.js`,
      arktype,
      "arktype/config": `${arktype}/config`,
    };
    await Deno.writeTextFile(
      folder.file("map.json"),
      JSON.stringify({ imports }),
    );
    const code = await bundle(
      "../postgres/worker.ts",
      `--import-map=${folder.file("map.json")}`,
    );
    const env = { DATABASE_URL: url ?? "" };
    const date = "2026-10-23";
    const flags = ["nodejs_compat"];
    await using workerd = await startWorkerd({ code, env, date, flags });
    const names: string[] = await (await fetch(workerd.url)).json();
    assert(names.length > 50);
    const failed: Record<string, string> = {};
    const rest = [...names];
    const lane = async () => {
      for (let name = rest.shift(); name; name = rest.shift()) {
        const query = new URLSearchParams({ case: name });
        const text = await (await fetch(`${workerd.url}?${query}`)).text();
        if (text !== "ok") failed[name] = text;
      }
    };
    await Promise.all(Array.from({ length: 4 }, lane));
    assertEquals(failed, {}, workerd.log());
  },
});
