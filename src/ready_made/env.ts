/**
 * Configuration from the platform's environment, for the ready-made `handle`.
 *
 * @module
 */

import type { ServerOptions } from "../server/options.ts";
import { CountersignError } from "../errors.ts";
import { ID, isId } from "../id.ts";
import { checkClients, type Clients } from "../signing/clients.ts";
import { type Secret, secretBytes } from "../signing/hmac.ts";
import type { KvLike } from "../kv/kv.ts";
import { connectKv } from "../kv_connect/mod.ts";
import { batch_sum, start_long_task } from "./sample_tools.ts";

/**
 * Reads a server's options: its bindings on Workers, else the process's
 * environment.
 *
 * No value is ever quoted: which of them is a secret is what may be wrong.
 *
 * @throws {CountersignError} `not_configured`, naming what is missing or wrong.
 */
export function fromEnvironment(env: unknown): ServerOptions {
  const serverId = requireVariable(env, "COUNTERSIGN_SERVER_ID");
  if (!isId(serverId)) {
    throw notConfigured(`COUNTERSIGN_SERVER_ID does not match ${ID.source}`);
  }
  return {
    serverId,
    serverSecret: secretOf(env, "COUNTERSIGN_SERVER_SECRET"),
    clients: clientsOf(env, "COUNTERSIGN_CLIENTS"),
    kv: openKv,
    tools: { batch_sum, start_long_task },
  };
}

function notConfigured(message: string): CountersignError {
  return new CountersignError("not_configured", message);
}

function requireVariable(env: unknown, name: string): string {
  const value = readVariable(env, name);
  if (value) return value;
  throw notConfigured(`Set ${name}; the README's table says what to`);
}

/**
 * Deno hands over connection info where Workers hand over bindings: a name
 * counts only where it is bound to a string.
 */
function readVariable(env: unknown, name: string): string | undefined {
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

function secretOf(env: unknown, name: string): Secret {
  const secret = requireVariable(env, name);
  try {
    return secretBytes(secret, name);
  } catch (error) {
    throw notConfigured((error as Error).message);
  }
}

function clientsOf(env: unknown, name: string): Clients {
  const text = requireVariable(env, name);
  let clients: unknown;
  try {
    clients = JSON.parse(text);
  } catch {
    // The parser quotes the text, which holds secrets.
    throw notConfigured(`${name} is not JSON like {"client-001": "secret"}`);
  }
  try {
    checkClients(clients, name, false);
  } catch (error) {
    throw notConfigured((error as Error).message);
  }
  return clients as Clients;
}

/** Over KV Connect wherever the URL says so; else Deno's own, where there is one. */
function openKv(env: unknown): KvLike | Promise<KvLike> {
  const url = readVariable(env, "COUNTERSIGN_KV_URL") || undefined;
  if (url !== undefined && /^https?:/i.test(url)) {
    const token = requireVariable(env, "COUNTERSIGN_KV_TOKEN");
    try {
      return connectKv({ url, token });
    } catch (error) {
      throw notConfigured(
        "Check COUNTERSIGN_KV_URL and COUNTERSIGN_KV_TOKEN: " +
          (error as Error).message,
      );
    }
  }
  const { Deno } = globalThis as {
    Deno?: { openKv?: (path?: string) => Promise<KvLike> };
  };
  if (Deno?.openKv) {
    return Deno.openKv(url).catch(({ message }) => {
      // It names the path, which may be a token that was misplaced.
      throw new Error(message.replaceAll(url ?? "\0", "COUNTERSIGN_KV_URL"));
    });
  }
  throw notConfigured(
    Deno
      ? "Run Deno with --unstable-kv"
      : "Set COUNTERSIGN_KV_URL to an http(s) KV Connect URL: this runtime " +
        "has no Deno KV of its own",
  );
}
