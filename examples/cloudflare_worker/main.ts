/**
 * A tool server on Cloudflare Workers: calls through `fetch`, and what is left
 * of jobs through `scheduled`. `docs/deploy.md` says how to deploy it.
 */
import {
  batch_sum,
  createServer,
  start_long_task,
  type WorkReport,
} from "@countersign/mcp";
import { connectKv } from "@countersign/mcp/kv-connect";

/** Variables of wrangler.jsonc, and secrets of `wrangler secret put`. */
interface Env {
  readonly SERVER_ID: string;
  readonly SERVER_SECRET: string;
  /** JSON: `{"client-001": "secret"}`. */
  readonly CLIENTS: string;
  /** The KV Connect URL of a Deno KV. */
  readonly KV_URL: string;
  readonly KV_TOKEN: string;
}

const { handle, work } = createServer((env) => {
  const { SERVER_ID, SERVER_SECRET, CLIENTS, KV_URL, KV_TOKEN } = env as Env;
  return {
    serverId: SERVER_ID,
    serverSecret: SERVER_SECRET,
    clients: JSON.parse(CLIENTS),
    kv: connectKv({ url: KV_URL, token: KV_TOKEN }),
    tools: { batch_sum, start_long_task },
  };
});

const worker: {
  fetch: typeof handle;
  scheduled(event: unknown, env: Env): Promise<WorkReport>;
} = {
  // Called with (request, env, ctx): jobs run on in ctx.waitUntil.
  fetch: handle,
  // Every minute: carries on the jobs that gave way, and those left behind.
  scheduled: (_event, env) => work({ env, sliceMs: 60_000, limit: 50 }),
};
export default worker;
