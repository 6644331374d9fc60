/**
 * Configuration from the platform's environment, for the ready-made `handle`.
 *
 * @module
 */

import type { ServerOptions } from "../server/options.ts";
import { CountersignError } from "../errors.ts";
import type { Clients } from "../signing/keyring.ts";
import type { KvLike } from "../kv/kv.ts";
import { connectKv } from "../kv_connect/mod.ts";
import { batch_sum, start_long_task } from "./sample_tools.ts";

/**
 * Reads a server's options: its bindings on Workers, else the process's
 * environment.
 *
 * @throws {CountersignError} `not_configured`, naming what is missing.
 */
export function fromEnvironment(env: unknown): ServerOptions {
  return {
    serverId: required(env, "COUNTERSIGN_SERVER_ID"),
    serverSecret: required(env, "COUNTERSIGN_SERVER_SECRET"),
    clients: clientsOf(required(env, "COUNTERSIGN_CLIENTS")),
    kv: openKv,
    tools: { batch_sum, start_long_task },
  };
}

function required(env: unknown, name: string): string {
  const value = variable(env, name);
  if (value) return value;
  throw new CountersignError(
    "not_configured",
    `Set ${name}; the README's table says what to`,
  );
}

/**
 * Deno hands over connection info where Workers hand over bindings: a name
 * counts only where it is bound to a string.
 */
function variable(env: unknown, name: string): string | undefined {
  const bound = (env as Record<string, unknown> | null | undefined)?.[name];
  if (typeof bound === "string") return bound;
  const { process } = globalThis as {
    process?: { env?: Record<string, string | undefined> };
  };
  try {
    return process?.env?.[name];
  } catch (cause) {
    throw new CountersignError(
      "not_configured",
      `Let the process read ${name}: run it with --allow-env`,
      { cause },
    );
  }
}

function clientsOf(text: string): Clients {
  try {
    const clients: unknown = JSON.parse(text);
    if (typeof clients === "object" && clients !== null) {
      return clients as Clients; // `createServer` checks the rest
    }
  } catch {
    // The text holds secrets: neither it nor the parser's quote of it is shown.
  }
  throw new CountersignError(
    "not_configured",
    'COUNTERSIGN_CLIENTS is not JSON like {"client-001": "secret"}',
  );
}

/** Over KV Connect wherever the URL says so; else Deno's own, where there is one. */
function openKv(env: unknown): KvLike | Promise<KvLike> {
  const url = variable(env, "COUNTERSIGN_KV_URL") || undefined;
  if (url !== undefined && /^https?:/i.test(url)) {
    const token = required(env, "COUNTERSIGN_KV_TOKEN");
    try {
      return connectKv({ url, token });
    } catch (error) {
      throw new CountersignError(
        "not_configured",
        `Check COUNTERSIGN_KV_URL and COUNTERSIGN_KV_TOKEN: ${
          (error as Error).message
        }`,
        { cause: error },
      );
    }
  }
  const { Deno } = globalThis as {
    Deno?: { openKv?: (path?: string) => Promise<KvLike> };
  };
  if (Deno?.openKv) return Deno.openKv(url);
  throw new CountersignError(
    "not_configured",
    Deno
      ? "Run Deno with --unstable-kv"
      : "Set COUNTERSIGN_KV_URL to an http(s) KV Connect URL: this runtime " +
        "has no Deno KV of its own",
  );
}
