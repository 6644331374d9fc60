/**
 * Which request goes to whom: the one place that looks at paths.
 *
 * @module
 */

import type { Platform } from "../call/call.ts";
import type { Services } from "../call/services.ts";
import { answerEnvelope } from "../envelope/endpoint.ts";
import { CountersignError } from "../errors.ts";
import { createBackground } from "../job/background.ts";
import type { Log } from "../log.ts";
import { answerMcp } from "../mcp/endpoint.ts";
import { checkHealth, describeServer } from "./about.ts";
import { watchCaller } from "./caller_gone.ts";
import type { Resources } from "./open.ts";
import type { Settings } from "./options.ts";

/** Where a request is answered. */
export interface Here {
  /** The platform's environment: Workers' bindings, Deno's connection info. */
  readonly env: unknown;
  /** The platform's context: `waitUntil` on Workers. */
  readonly platform: unknown;
  /** The server's settings. @throws {CountersignError} `not_configured` */
  configure(env: unknown): Settings;
  /** What the server works with. @throws {CountersignError} `unavailable` */
  open(env: unknown): Promise<Resources>;
}

/**
 * Answers a request at its endpoint.
 *
 * @throws {CountersignError} What is to be refused: no endpoint answers it.
 */
export async function routeRequest(
  request: Request,
  here: Here,
): Promise<Response> {
  const path = pathOf(request);
  const services = async () => (await here.open(here.env)).services;
  const isLook = request.method === "GET";
  if (isLook && path === "/healthz") {
    return await checkHealth(async () => await probe(await services()));
  }
  const { envelope, mcp } = here.configure(here.env);
  if (mcp && path === mcp.path) {
    const platform = readPlatform(request, here, mcp.log);
    return await answerMcp(request, mcp, services, platform);
  }
  if (isLook && path === "/") {
    return describeServer(request, (await services()).identity);
  }
  if (path !== envelope.path) {
    const message = `Send envelopes to ${envelope.path}`;
    throw new CountersignError("not_found", message);
  }
  const platform = readPlatform(request, here, envelope.log);
  return await answerEnvelope(request, envelope, services, platform);
}

function readPlatform(
  request: Request,
  { env, platform }: Here,
  log: Log,
): Platform {
  return {
    signal: watchCaller(request, env),
    background: createBackground(env, platform, log),
  };
}

async function probe({ kv }: Services): Promise<void> {
  await kv?.get(["countersign", "healthz"]);
}

/** The path that a request names; a `Host` that is no host leaves it no URL. */
function pathOf({ url }: Request): string {
  if (URL.canParse(url)) return new URL(url).pathname;
  // RFC 9112 section 3.2
  throw new CountersignError("malformed", "The Host header names no host");
}
