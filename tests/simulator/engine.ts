/**
 * The engine as an instance runs it: its jobs, their worker and their store,
 * with a process's clocks, timers, chance and connection handed in.
 */
import { createHmac } from "node:crypto";
import { dispatch } from "../../src/call/dispatch.ts";
import type { Call, Outcome } from "../../src/call/call.ts";
import type { Services } from "../../src/call/services.ts";
import { createJobs } from "../../src/job/jobs.ts";
import { kvJobStore } from "../../src/job/kv_store.ts";
import { createWorker } from "../../src/job/worker.ts";
import type { KvLike } from "../../src/kv/kv.ts";
import { spendInGroups } from "../../src/kv/nonces.ts";
import type { Tools } from "../../src/tool/tool.ts";
import type { Mix } from "./mix.ts";
import type { Process } from "./process.ts";
import { PREFIX } from "./records.ts";
import type { World } from "./world.ts";

/** An instance's engine. */
export interface Engine {
  /** Answers a call of a client. */
  answer(call: Pick<Call, "requestId" | "name" | "args" | "signal">, from: {
    readonly clientId: string;
    readonly nonce: string;
  }): Promise<Outcome>;
  /** Works on what is due. */
  work(): Promise<unknown>;
  stop(): Promise<void>;
}

/** Largest value that the simulator's instances keep, in bytes of JSON. */
const MAX_VALUE_BYTES = 100_000;
const NONCE_LASTS_MS = 60_000;
/** Jobs to look at in one call of `work`. */
const LIMIT = 50;

/** Starts the engine of a process. */
export function startEngine(
  world: World,
  process: Process,
  kv: KvLike,
  tools: Tools,
  mix: Mix,
): Engine {
  const timing = process;
  const { leaseMs, concurrency, maxRunning, maxUnfinished } = mix;
  const { retentionMs, sliceMs, graceMs } = mix;
  const log: Services["log"] = (level, message, { error }) =>
    world.note(`${process.name} ${level}: ${message} ${said(error)}`);
  const store = kvJobStore(kv, {
    prefix: PREFIX,
    maxValueBytes: MAX_VALUE_BYTES,
    timing,
  });
  const spend = spendInGroups(kv, PREFIX, timing);
  const worker = createWorker({
    tools,
    store,
    kv,
    leaseMs,
    concurrency,
    maxRunning,
    retentionMs,
    log,
    timing,
  });
  const jobs = createJobs({
    store,
    worker,
    spend,
    sign,
    leaseMs,
    maxUnfinished,
    timing,
  });
  const services: Services = {
    tools,
    jobs,
    kv,
    spend,
    spendsAlways: false,
    jobsSpend: true,
    rateLimit: undefined,
    identity: {},
    stateKey: {} as CryptoKey, // MCP's, which nobody speaks here
    log,
  };
  const background = {
    env: undefined,
    sliceMs,
    run: (work: Promise<unknown>) =>
      void work.catch((error) =>
        world.note(`${process.name} in the background: ${said(error)}`)
      ),
  };
  if (mix.drives) worker.drive({ env: undefined, sliceMs });
  return {
    answer(call, { clientId, nonce }) {
      const expiresAt = timing.now() + NONCE_LASTS_MS;
      return dispatch({
        ...call,
        caller: { id: clientId, may: () => true },
        nonce: { clientId, value: nonce, expiresAt },
        background,
      }, services);
    },
    work: () => worker.work({ env: undefined, limit: LIMIT, sliceMs }),
    stop: () => worker.stop(graceMs),
  };
}

/** WebCrypto answers from a thread, and so in an order that no seed decides. */
function sign(text: string): Promise<string> {
  const mac = createHmac("sha256", "simulator").update(text).digest("hex");
  return Promise.resolve(mac);
}

/** Never a stack: it differs from run to run. */
function said(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.message}${cause}`;
}
