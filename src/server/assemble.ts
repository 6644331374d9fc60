/**
 * From options to a house: everything is checked, opened and derived once.
 *
 * @module
 */

import { BUILTINS } from "../call/builtin.ts";
import { ID } from "../envelope/request.ts";
import { deriveKey, type Secret, secretBytes, sign } from "../signing/hmac.ts";
import type { RateLimit, Services } from "../call/services.ts";
import { kvJobStore } from "../job/kv_store.ts";
import { createWorker, type Worker } from "../job/worker.ts";
import { createJobs, type Jobs } from "../job/jobs.ts";
import {
  type Clients,
  createKeyring,
  type Keyring,
} from "../signing/keyring.ts";
import type { KvLike } from "../kv/kv.ts";
import { spendInGroups, spendInKv } from "../kv/nonces.ts";
import { consoleLog, type Log } from "../log.ts";
import type { McpSettings } from "../mcp/endpoint.ts";
import { checkMcpOptions, type McpOptions } from "../mcp/options.ts";
import { type Spend, spendInMemory } from "../signing/nonce.ts";
import type { Tools } from "../tool/tool.ts";

/** How jobs are kept and run; every time is in milliseconds. */
export interface JobSettings {
  /** How long a worker may be silent before another takes its job over. Defaults to 15,000. */
  leaseMs?: number;
  /** How long a finished job stays readable. Defaults to a day. */
  retentionMs?: number;
  /** Most jobs that one instance runs at once. Defaults to 16. */
  concurrency?: number;
  /** Most unfinished jobs that a client may have. Defaults to 100. */
  maxUnfinished?: number;
}

/** Options for {@linkcode createServer}. */
export interface ServerOptions {
  /** This server's name; calls are signed for it and no other. */
  serverId: string;
  /** Only this server's; its fingerprint and its job ids are derived from it. */
  serverSecret: Secret;
  /** Who may call, with which secrets, and which tools. */
  clients: Clients;
  /** The tools, by name. */
  tools: Tools;
  /** Deno KV, or what opens it; called with the platform's environment. */
  kv?: KvLike | ((env: unknown) => KvLike | Promise<KvLike>);
  /** Path of the envelope endpoint. Defaults to `/`. */
  path?: string;
  /** How far a call's clock may be off, in milliseconds. Defaults to five minutes. */
  clockWindowMs?: number;
  /** Largest body, in bytes. Defaults to 1 MiB. */
  maxBodyBytes?: number;
  /** Largest result or step value, in bytes of JSON. Defaults to 8 MiB. */
  maxValueBytes?: number;
  /**
   * Which calls spend their nonce: all but those that change nothing
   * (`"changes"`, the default), or every one.
   */
  replay?: "changes" | "every-call";
  /** Where spent nonces are kept. `"memory"` is only for a server of one instance. */
  nonces?: "kv" | "memory";
  /** Takes secrets of fewer than 32 bytes. */
  allowShortSecrets?: boolean;
  /** Jobs. */
  jobs?: JobSettings;
  /** The endpoint for clients of the Model Context Protocol. */
  mcp?: McpOptions;
  /** Says how many milliseconds a caller must wait; 0 lets the call through. */
  rateLimit?: RateLimit;
  /** Takes the log. Defaults to the console. */
  log?: Log;
  /** Current time, in Unix milliseconds. Defaults to `Date.now`. */
  now?: () => number;
}

/** What a server is made of, once its options have been found good. */
export interface Settings {
  readonly serverId: string;
  readonly path: string;
  readonly clockWindowMs: number;
  readonly maxBodyBytes: number;
  readonly maxValueBytes: number;
  readonly keyring: Keyring;
  readonly mcp: McpSettings;
  readonly log: Log;
  readonly now: () => number;
  /** Opens the store and derives the keys. */
  open(env: unknown): Promise<Resources>;
}

/** A house that is open. */
export interface Resources {
  readonly house: Services;
  /** Protects what MCP clients carry from one round of a call to the next. */
  readonly stateKey: CryptoKey;
  readonly worker: Worker | undefined;
  /** Closes what this opened. */
  close(): void;
}

/**
 * Checks options.
 *
 * @throws {TypeError} If an option is missing or malformed.
 * @throws {RangeError} If a secret is too short.
 */
export function checkOptions(options: ServerOptions): Settings {
  const {
    serverId,
    serverSecret,
    clients,
    tools,
    kv,
    path = "/",
    clockWindowMs = 300_000,
    maxBodyBytes = 1_048_576,
    maxValueBytes = 8_388_608,
    replay = "changes",
    nonces = "kv",
    allowShortSecrets = false,
    jobs: {
      leaseMs = 15_000,
      retentionMs = 86_400_000,
      concurrency = 16,
      maxUnfinished = 100,
    } = {},
    mcp = {},
    rateLimit,
    log = consoleLog,
    now = Date.now,
  } = options;
  if (!ID.test(serverId)) {
    throw new TypeError(`serverId "${serverId}" does not match ${ID.source}`);
  }
  const secret = secretBytes(serverSecret, "the server", allowShortSecrets);
  const keyring = createKeyring(clients, allowShortSecrets);
  checkTools(tools, kv !== undefined);
  if (kv === undefined && nonces !== "memory") {
    throw new TypeError(
      'Give the server a kv, or write `nonces: "memory"` if it will only ' +
        "ever have one instance",
    );
  }

  return {
    serverId,
    path,
    clockWindowMs,
    maxBodyBytes,
    maxValueBytes,
    keyring,
    mcp: checkMcpOptions(mcp, {
      serverId,
      envelopePath: path,
      keyring,
      maxBodyBytes,
      maxValueBytes,
      log,
      now,
    }),
    log,
    now,
    async open(env) {
      const opened = typeof kv === "function" ? await kv(env) : kv;
      const prefix = ["countersign", serverId];
      const spend = guard(opened, prefix);
      const [fingerprintKey, jobKey, stateKey] = await Promise.all([
        deriveKey(secret, "mcp/0.1 fingerprint"),
        deriveKey(secret, "mcp/0.1 job"),
        deriveKey(secret, "mcp/0.1 request state"),
      ]);
      const fingerprint = await sign(fingerprintKey, serverId);
      let jobs: Jobs | undefined;
      let worker: Worker | undefined;
      if (opened) {
        const store = kvJobStore(opened, { prefix, maxValueBytes, now });
        worker = createWorker({
          tools,
          store,
          kv: opened,
          leaseMs,
          retentionMs,
          concurrency,
          log,
          now,
        });
        jobs = createJobs({
          store,
          worker,
          spend,
          idKey: jobKey,
          leaseMs,
          maxUnfinished,
          now,
        });
      }
      return {
        stateKey,
        worker,
        close: () => typeof kv === "function" && opened?.close?.(),
        house: {
          tools,
          jobs,
          kv: opened,
          spend,
          spendsAlways: replay === "every-call",
          jobsSpend: nonces === "kv",
          rateLimit,
          identity: {
            server_id: serverId,
            fingerprint: fingerprint.slice(0, 16),
            capabilities: { async: jobs !== undefined, stateless: true },
          },
          log,
        },
      };
    },
  };

  function guard(kv: KvLike | undefined, prefix: readonly string[]): Spend {
    if (kv === undefined || nonces === "memory") return spendInMemory(now);
    return isLocal(kv)
      ? spendInGroups(kv, prefix, now)
      : spendInKv(kv, prefix, now);
  }
}

function checkTools(tools: Tools, hasKv: boolean): void {
  for (const [name, tool] of Object.entries(tools)) {
    if (!ID.test(name)) {
      throw new TypeError(`Tool name "${name}" does not match ${ID.source}`);
    }
    if (Object.hasOwn(BUILTINS, name)) {
      throw new TypeError(`Tool "${name}" has the name of a built-in one`);
    }
    if (tool.job && !hasKv) {
      throw new TypeError(`Tool "${name}" is a job: give the server a kv`);
    }
  }
}

/** Whether requests may wait for each other's commits: not on Workers. */
function isLocal(kv: KvLike): boolean {
  const { Deno } = globalThis as { Deno?: { Kv?: new () => unknown } };
  return Deno?.Kv !== undefined && kv instanceof Deno.Kv;
}
