/** `job_server.ts` as a Worker, whose cron gives each job a short slice. */
import { type Env, server } from "./job_server.ts";

const worker: {
  fetch: typeof server.handle;
  scheduled(event: unknown, env: Env): Promise<void>;
} = {
  fetch: server.handle,
  async scheduled(_event, env) {
    await server.work({ env, sliceMs: 300 });
  },
};
export default worker;
