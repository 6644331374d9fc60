/** The contracts of a KV and of a store of jobs, held by PostgreSQL. */
import postgres from "postgres";
import { postgresKv } from "@countersign/mcp/postgres";
import { kvContract } from "../../src/testing/kv_contract.ts";
import { cursorContract } from "../../src/testing/list_contract.ts";
import { faultContract } from "../../src/testing/fault_contract.ts";
import { jobContract } from "../../src/testing/job_contract.ts";
import { newTable, sharedPostgres } from "../support/postgres.ts";

const url = await sharedPostgres();
const ignore = url === undefined;

Deno.test({
  name: "PostgreSQL holds the contract of a KV",
  ignore,
  async fn(test) {
    const kv = postgresKv({ url, table: newTable() });
    for (
      const [name, check] of Object.entries({
        ...kvContract,
        ...cursorContract,
      })
    ) {
      await test.step(name, () => check(kv, crypto.randomUUID()));
    }
    await kv.close();
  },
});

Deno.test({
  name: "PostgreSQL holds the contract of a store of jobs",
  ignore,
  async fn(test) {
    const kv = postgresKv({ url, table: newTable() });
    for (const [name, check] of Object.entries(jobContract)) {
      await test.step(name, () => check(kv));
    }
    await kv.close();
  },
});

Deno.test({
  name: "PostgreSQL holds the contract of stores that fail",
  ignore,
  async fn(test) {
    const kv = postgresKv({ url, table: newTable() });
    const open = () => Promise.resolve({ ...kv, close: () => {} });
    for (const [name, check] of Object.entries(faultContract)) {
      await test.step(name, () => check(open));
    }
    await kv.close();
  },
});

Deno.test({
  name: "it holds without prepared statements, and with a connection each",
  ignore,
  async fn(test) {
    const sql = postgres(url ?? "", { prepare: false, onnotice: () => {} });
    const ways = [
      postgresKv({ sql, table: `public.${newTable()}` }),
      postgresKv({ url, table: newTable(), keepConnections: false }),
    ];
    for (const kv of ways) {
      for (
        const [name, check] of Object.entries({
          ...kvContract,
          ...cursorContract,
        })
      ) {
        await test.step(name, () => check(kv, crypto.randomUUID()));
      }
      await kv.close();
    }
    await sql.end();
  },
});
