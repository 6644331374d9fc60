/**
 * A server of the sample tools, configured by the platform's environment.
 *
 * @module
 */

import {
  createServer,
  type Server,
  type WorkOptions,
} from "../server/server.ts";
import { fromEnvironment } from "./env.ts";

const server: Server = createServer(fromEnvironment);

/** Answers a request with the sample tools, configured by the environment. */
export const handle: Server["handle"] = server.handle;

/** Runs the jobs of {@linkcode handle} that are due. */
export const work: Server["work"] = server.work;

/** Gives the running jobs of {@linkcode handle} back, and closes its KV. */
export const stop: Server["stop"] = server.stop;

/**
 * How long `scheduled` lets one job go on, in milliseconds, and how many it
 * works on: all of them end well within the 15 minutes that Workers give a
 * cron's run, and the next run, a minute later, carries on what gave way.
 */
const SCHEDULED: WorkOptions = { sliceMs: 60_000, limit: 50 };

/** What `deno serve` and Workers look for. */
const entry: {
  fetch: Server["handle"];
  scheduled(event: unknown, env: unknown): Promise<void>;
} = {
  fetch: handle,
  async scheduled(_event, env) {
    await work({ ...SCHEDULED, env });
  },
};
export default entry;
