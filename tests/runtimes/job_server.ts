/** The server that a Worker and a Deno process run over one KV; see the tests. */
import {
  batch_sum,
  createServer,
  defineTool,
  type Server,
  type,
} from "../../mod.ts";
import { connectKv } from "../../src/kv_connect/mod.ts";
import { PARTIES } from "../support/parties.ts";

export interface Env {
  readonly KV_URL: string;
  readonly KV_TOKEN: string;
}

/** Who runs a piece of work: the runtime. */
const runtime = () => navigator.userAgent.split("/")[0];

export const tools = {
  batch_sum,
  travels: defineTool({
    description: "Gives way between its steps, and tells where each was done",
    input: type({ naps: "number.integer", "pause_ms?": "number.integer" }),
    output: type("string[]"),
    job: { attempts: 20, backoffMs: 50 },
    run: async ({ naps, pause_ms = 0 }, { step, sleep }) => {
      const done: string[] = [];
      for (let i = 1; i <= naps; i++) {
        done.push(await step(`step ${i}`, runtime));
        if (pause_ms === 0) await sleep(1100);
        else await new Promise((resolve) => setTimeout(resolve, pause_ms));
      }
      return done;
    },
  }),
  slices: defineTool({
    description: "Tells which attempt did each of ten steps",
    input: type({}),
    output: type("string[]"),
    job: true,
    run: async (_args, { step, sleep }) => {
      const attempt = crypto.randomUUID();
      await sleep(1100);
      const done: string[] = [];
      for (let i = 1; i <= 10; i++) {
        done.push(
          await step(`step ${i}`, async () => {
            await new Promise((resolve) => setTimeout(resolve, 100));
            return attempt;
          }),
        );
      }
      return done;
    },
  }),
  waits: defineTool({
    description: "Ends when it is cancelled",
    input: type({}),
    job: true,
    run: (_args, { signal }) =>
      new Promise<string>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  }),
};

export const server: Server = createServer((env) => {
  const { KV_URL, KV_TOKEN } = env as Env;
  return {
    ...PARTIES,
    kv: connectKv({ url: KV_URL, token: KV_TOKEN }),
    tools,
    jobs: { leaseMs: 1000, drive: false },
  };
});
