/**
 * Opens what a server works with: its store, its keys, its jobs and their
 * worker.
 *
 * @module
 */

import type { Services } from "../call/services.ts";
import { CountersignError } from "../errors.ts";
import { createJobs } from "../job/jobs.ts";
import { kvJobStore } from "../job/kv_store.ts";
import { createWorker, type Worker } from "../job/worker.ts";
import { isDenoKv, type KvKey, type KvLike } from "../kv/kv.ts";
import { spendInGroups, spendInKv } from "../kv/nonces.ts";
import { deriveKey, sign } from "../signing/hmac.ts";
import { type Spend, spendInMemory } from "../signing/nonce.ts";
import { createTiming } from "../timing.ts";
import { mayDrive, type ResourceSettings } from "./options.ts";

/** What a server has opened. */
export interface Resources {
  readonly services: Services;
  /** `undefined` where the server has no KV, and so no jobs. */
  readonly worker: Worker | undefined;
  /** Whether jobs are looked for without being asked to. */
  readonly drives: boolean;
  /** Closes what was opened here. */
  close(): void;
}

/**
 * Opens the store, and derives the keys.
 *
 * @throws {CountersignError} `unavailable`, or what the option `kv` threw as one
 */
export async function openResources(
  settings: ResourceSettings,
  env: unknown,
): Promise<Resources> {
  const { serverId, secret, tools, nonces, rateLimit, log } = settings;
  const kv = await openKv(settings, env);
  const prefix = ["countersign", serverId];
  const spend = spendIn(kv, prefix, settings);
  const [fingerprintKey, idKey, stateKey] = await Promise.all([
    deriveKey(secret, "mcp/0.1 fingerprint"),
    deriveKey(secret, "mcp/0.1 job"),
    deriveKey(secret, "mcp/0.1 request state"),
  ]);
  const fingerprint = await sign(fingerprintKey, serverId);
  const engine = kv && openJobs(kv, prefix, spend, idKey, settings);
  return {
    worker: engine?.worker,
    drives: mayDrive(settings),
    close: () => typeof settings.kv === "function" && kv?.close?.(),
    services: {
      tools,
      jobs: engine?.jobs,
      kv,
      spend,
      spendsAlways: nonces.spend === "every-call",
      jobsSpend: nonces.store === "kv",
      rateLimit,
      identity: {
        server_id: serverId,
        fingerprint: fingerprint.slice(0, 16),
        capabilities: { async: engine !== undefined, stateless: true },
      },
      stateKey,
      log,
    },
  };
}

async function openKv(
  { kv }: ResourceSettings,
  env: unknown,
): Promise<KvLike | undefined> {
  if (typeof kv !== "function") return kv;
  try {
    return await kv(env);
  } catch (cause) {
    if (cause instanceof CountersignError) throw cause;
    throw new CountersignError(
      "unavailable",
      "The server cannot open its store",
      { cause, retryAfterMs: 1000 },
    );
  }
}

function openJobs(
  kv: KvLike,
  prefix: KvKey,
  spend: Spend,
  idKey: CryptoKey,
  settings: ResourceSettings,
) {
  const { tools, jobs, maxValueBytes, log, now } = settings;
  const timing = createTiming(now);
  const store = kvJobStore(kv, { prefix, maxValueBytes, timing });
  const worker = createWorker({ ...jobs, tools, store, kv, log, timing });
  return {
    worker,
    jobs: createJobs({
      ...jobs,
      store,
      worker,
      spend,
      sign: (text) => sign(idKey, text),
      timing,
    }),
  };
}

function spendIn(
  kv: KvLike | undefined,
  prefix: KvKey,
  { nonces, now }: ResourceSettings,
): Spend {
  if (kv === undefined || nonces.store === "memory") return spendInMemory(now);
  // Requests may wait for each other's commits there: not on Workers.
  return isDenoKv(kv)
    ? spendInGroups(kv, prefix, createTiming(now))
    : spendInKv(kv, prefix, createTiming(now));
}
