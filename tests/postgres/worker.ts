/** Runs the contract of a KV on PostgreSQL within a Worker: `?case=` names a check. */
import { postgresKv } from "../../src/postgres/mod.ts";
import { jobContract } from "../../src/testing/job_contract.ts";
import { kvContract } from "../../src/testing/kv_contract.ts";

interface Env {
  readonly DATABASE_URL: string;
}

type Check = (env: Env) => Promise<void>;

/** Made once and shared by requests, as a server's `kv` is. */
let kv: ReturnType<typeof postgresKv> | undefined;

const kvOf = ({ DATABASE_URL: url }: Env) => kv ??= postgresKv({ url });

const checks: Record<string, Check> = {
  ...Object.fromEntries(
    Object.entries(kvContract).map(([name, check]): [string, Check] => [
      name,
      (env) => check(kvOf(env), crypto.randomUUID()),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(jobContract).map(([name, check]): [string, Check] => [
      name,
      (env) => check(kvOf(env)),
    ]),
  ),
};

const worker = {
  async fetch(request: Request, env: Env): Promise<Response> {
    const name = new URL(request.url).searchParams.get("case");
    if (name === null) return Response.json(Object.keys(checks));
    try {
      await checks[name](env);
      return new Response("ok");
    } catch (error) {
      return new Response(String((error as Error).stack));
    }
  },
};
export default worker;
