/**
 * The options of a server, checked: from what its author wrote to settings that
 * are known to be good.
 *
 * @module
 */

import { BUILTINS } from "../call/builtin.ts";
import type { RateLimit } from "../call/services.ts";
import { ID, isId } from "../id.ts";
import type { KvLike } from "../kv/kv.ts";
import { carefulLog, consoleLog, type Log } from "../log.ts";
import type { McpOptions } from "../mcp/options.ts";
import { type Secret, secretBytes } from "../signing/hmac.ts";
import type { Clients } from "../signing/clients.ts";
import { createKeyring } from "../signing/keyring.ts";
import type { Tools } from "../tool/tool.ts";
import { checkEndpoints, type EndpointSettings } from "./endpoints.ts";

/** How jobs are kept and run; every time is in milliseconds. */
export interface JobSettings {
  /** How long a worker may be silent before another takes its job over. Defaults to 15,000. */
  leaseMs?: number;
  /** How long a finished job stays readable. Defaults to a day. */
  retentionMs?: number;
  /** Most jobs that one instance runs at once. Defaults to 16. */
  concurrency?: number;
  /** Most jobs of one client that one instance runs at once. Defaults to `concurrency`. */
  maxRunning?: number;
  /** Most unfinished jobs that a client may have. Defaults to 100. */
  maxUnfinished?: number;
  /** Most that the steps of one job may keep together, in bytes of JSON. Defaults to 64 MiB. */
  maxJobBytes?: number;
  /**
   * Whether an instance looks for jobs to run by itself. Defaults to `true`;
   * never where the platform stops instances between requests.
   */
  drive?: boolean;
}

/** Which calls spend their nonce, and where spent ones are kept. */
export interface NonceSettings {
  /**
   * All but the calls that change nothing (`"changes"`, the default), or every
   * one.
   */
  spend?: "changes" | "every-call";
  /** Defaults to `"kv"`. `"memory"` is only for a server of one instance. */
  store?: "kv" | "memory";
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
  /**
   * Deno KV, or what opens it; called with the platform's environment. Without,
   * the server keeps no jobs.
   */
  kv?: KvLike | ((env: unknown) => KvLike | Promise<KvLike>);
  /** Path of the envelope endpoint. Defaults to `/`. */
  path?: string;
  /**
   * What clients call the server by, where a proxy changes that on the way:
   * `https://example.com/prefix`. Defaults to the address that requests arrive
   * with.
   */
  publicUrl?: string;
  /** What a proxy puts before the paths of requests: `/prefix`. Defaults to nothing. */
  pathPrefix?: string;
  /**
   * Other origins whose pages may ask, and read the answers:
   * `https://example.com`, `chrome-extension://abc`. Defaults to none.
   */
  allowedOrigins?: readonly string[];
  /** How far a call's clock may be off, in milliseconds. Defaults to five minutes. */
  clockWindowMs?: number;
  /** Largest body, in bytes. Defaults to 1 MiB. */
  maxBodyBytes?: number;
  /** Longest that a body may take to come, in milliseconds. Defaults to 30,000. */
  readTimeoutMs?: number;
  /** Largest result or step value, in bytes of JSON. Defaults to 8 MiB. */
  maxValueBytes?: number;
  /** Which calls spend their nonce, and where spent ones are kept. */
  nonces?: NonceSettings;
  /** Takes secrets of fewer than 32 bytes. */
  allowShortSecrets?: boolean;
  /** Jobs. */
  jobs?: JobSettings;
  /** The endpoint for clients of the Model Context Protocol; `false` for none. */
  mcp?: McpOptions | false;
  /** Says how long a caller must wait. Without, nobody must. */
  rateLimit?: RateLimit;
  /** Takes the log. Defaults to the console. */
  log?: Log;
  /** Current time, in Unix milliseconds. Defaults to `Date.now`. */
  now?: () => number;
}

/** What a server is made of, once its options have been found good. */
export interface Settings extends EndpointSettings {
  readonly resources: ResourceSettings;
}

/** What a server's resources are opened with. */
export interface ResourceSettings {
  readonly serverId: string;
  readonly secret: Uint8Array<ArrayBuffer>;
  readonly tools: Tools;
  readonly kv: ServerOptions["kv"];
  readonly nonces: Required<NonceSettings>;
  readonly jobs: Required<JobSettings>;
  readonly maxValueBytes: number;
  readonly rateLimit: RateLimit | undefined;
  readonly log: Log;
  readonly now: () => number;
}

/**
 * Checks options.
 *
 * @throws {TypeError} If an option is missing or malformed.
 * @throws {RangeError} If a secret is too short.
 */
export function checkOptions(options: ServerOptions): Settings {
  refuseRenamed(options);
  const {
    serverId,
    tools,
    kv,
    maxValueBytes = 8_388_608,
    nonces: { spend = "changes", store = "kv" } = {},
    allowShortSecrets = false,
    jobs = {},
    rateLimit,
    log: given = consoleLog,
    now = Date.now,
  } = options;
  const log = carefulLog(given);
  if (!isId(serverId)) {
    throw new TypeError(`serverId does not match ${ID.source}`);
  }
  const secret = secretBytes(
    options.serverSecret,
    "serverSecret",
    allowShortSecrets,
  );
  const keyring = createKeyring(options.clients, allowShortSecrets);
  checkTools(tools, kv !== undefined);
  if (kv === undefined && store !== "memory") {
    throw new TypeError(
      'Give the server a kv, or write `nonces: { store: "memory" }` if it ' +
        "will only ever have one instance",
    );
  }
  const shared = { serverId, maxValueBytes, keyring, log, now };
  return {
    ...checkEndpoints(options, shared),
    resources: {
      serverId,
      secret,
      tools,
      kv,
      nonces: { spend, store },
      jobs: {
        leaseMs: 15_000,
        retentionMs: 86_400_000,
        concurrency: 16,
        maxRunning: jobs.concurrency ?? 16,
        maxUnfinished: 100,
        maxJobBytes: 67_108_864,
        drive: true,
        ...jobs,
      },
      maxValueBytes,
      rateLimit,
      log,
      now,
    },
  };
}

/** Whether there may be jobs to look for, and they may be looked for unasked. */
export function mayDrive({ jobs, kv, tools }: ResourceSettings): boolean {
  return jobs.drive && kv !== undefined &&
    Object.values(tools).some((tool) => tool.job !== undefined);
}

/** Options of 0.1 by what they are called now. */
const RENAMED: Readonly<Record<string, string>> = {
  bodyLimit: "maxBodyBytes",
  replay: "nonces: { spend }",
  "mcp.authority": "publicUrl",
  "mcp.allowedOrigins": "allowedOrigins",
};

function refuseRenamed(options: ServerOptions): void {
  for (const [name, renamed] of Object.entries(RENAMED)) {
    const [own, inner] = name.split(".");
    const isGiven = inner === undefined
      ? own in options
      : inner in (options.mcp || {});
    if (isGiven) {
      throw new TypeError(`createServer takes no "${name}": it is ${renamed}`);
    }
  }
  if (typeof options.nonces === "string") {
    throw new TypeError("createServer takes nonces: { store }, not a string");
  }
}

function checkTools(tools: Tools, hasKv: boolean): void {
  for (const [i, [name, tool]] of Object.entries(tools).entries()) {
    if (!isId(name)) {
      throw new TypeError(
        `The name of entry ${i + 1} of tools does not match ${ID.source}`,
      );
    }
    if (Object.hasOwn(BUILTINS, name)) {
      throw new TypeError(`Tool "${name}" has the name of a built-in one`);
    }
    if (tool.job && !hasKv) {
      throw new TypeError(`Tool "${name}" is a job: give the server a kv`);
    }
  }
}
