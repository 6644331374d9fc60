/**
 * Which request goes to whom: the one place that looks at paths.
 *
 * @module
 */

import type { Platform } from "../call/call.ts";
import type { Services } from "../call/services.ts";
import { answerEnvelope } from "../envelope/endpoint.ts";
import { CountersignError } from "../errors.ts";
import {
  allowedOriginOf,
  allowOrigin,
  preflight,
} from "../http/cross_origin.ts";
import { createBackground } from "../job/background.ts";
import type { Log } from "../log.ts";
import { answerMcp } from "../mcp/endpoint.ts";
import { checkHealth, describeServer } from "./about.ts";
import { checkAddress } from "./address.ts";
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
 * Answers a request at its endpoint; pages on allowed origins may read it.
 *
 * @throws {CountersignError} What is to be refused: no endpoint answers it.
 */
export async function routeRequest(
  request: Request,
  here: Here,
): Promise<Response> {
  const services = async () => (await here.open(here.env)).services;
  if (isLook(request) && PLAIN.pathOf(request) === HEALTH) {
    return withoutBody(request, await checkHealth(() => probe(services)));
  }
  const settings = here.configure(here.env);
  const origin = allowedOriginOf(request, settings.allowedOrigins);
  const response = origin !== undefined && request.method === "OPTIONS"
    ? preflight(request)
    : await routeByPath(request, here, settings, services);
  return origin === undefined ? response : allowOrigin(response, origin);
}

/** Requests as they arrive: health is asked for without configuration, and inside the proxy. */
const PLAIN = /* @__PURE__ */ checkAddress(undefined);
const HEALTH = "/healthz";

async function routeByPath(
  request: Request,
  here: Here,
  { envelope, mcp, address }: Settings,
  services: () => Promise<Services>,
): Promise<Response> {
  const path = address.pathOf(request);
  if (isLook(request) && path === HEALTH) {
    return withoutBody(request, await checkHealth(() => probe(services)));
  }
  if (mcp && path === mcp.path) {
    const platform = readPlatform(request, here, mcp.log);
    return await answerMcp(request, mcp, services, platform);
  }
  if (isLook(request) && path === "/") {
    const { identity } = await services();
    return withoutBody(request, describeServer(request, identity));
  }
  if (path === envelope.path) {
    const platform = readPlatform(request, here, envelope.log);
    return await answerEnvelope(request, envelope, services, platform);
  }
  throw new CountersignError(
    "not_found",
    `Send envelopes to ${envelope.path}` +
      (mcp ? `, messages of MCP to ${mcp.path}` : ""),
  );
}

function isLook({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

/** RFC 9110 section 9.3.2: the answer to a `HEAD` is the one to a `GET`, without its content. */
function withoutBody({ method }: Request, response: Response): Response {
  return method === "HEAD" ? new Response(null, response) : response;
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

async function probe(services: () => Promise<Services>): Promise<void> {
  const { kv } = await services();
  await kv?.get(["countersign", "healthz"]);
}
