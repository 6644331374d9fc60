/**
 * The server: configured and opened once, for all requests.
 *
 * @module
 */

import { logFailure } from "../envelope/endpoint.ts";
import {
  NOBODY,
  toError,
  toRefusal,
  UNCONFIGURED,
  writeLastResort,
  writeResponse,
} from "../envelope/response.ts";
import { CountersignError } from "../errors.ts";
import type { WorkReport } from "../job/work.ts";
import { consoleLog } from "../log.ts";
import { canIdle, createTiming } from "../timing.ts";
import { openResources, type Resources } from "./open.ts";
import { checkOptions, type ServerOptions, type Settings } from "./options.ts";
import { routeRequest } from "./route.ts";
import { driveItself } from "./self_driving.ts";

/** A server, as {@linkcode createServer} makes it. */
export interface Server {
  /**
   * Answers a request; it never throws.
   *
   * @param env The platform's environment: Workers' bindings; Deno's connection info is ignored.
   * @param platform The platform's context: `waitUntil` on Workers.
   */
  handle(
    request: Request,
    env?: unknown,
    platform?: unknown,
  ): Promise<Response>;
  /**
   * Runs the jobs that are due, and removes those that are long finished, until
   * there are none or its time is over.
   *
   * For Workers' `scheduled` and for `Deno.cron`, where instances are stopped
   * between requests; elsewhere a server does so by itself. Safe to call from
   * many instances at once.
   *
   * @throws {CountersignError} `unavailable` or `not_configured`
   */
  work(options?: WorkOptions): Promise<WorkReport>;
  /**
   * Stops: claims no more jobs, lets the steps that run end and be kept, and
   * gives their jobs back to others. It costs no job an attempt.
   */
  stop(options?: StopOptions): Promise<void>;
}

/** Options for `stop`. */
export interface StopOptions {
  /** Milliseconds that a step which runs may still take. Defaults to 4,000. */
  graceMs?: number;
}

/** Options for `work`. */
export interface WorkOptions {
  /** The platform's environment: Workers' bindings. */
  env?: unknown;
  /**
   * Milliseconds after which no further job is begun, and none waited for any
   * more. Defaults to 50,000.
   */
  budgetMs?: number;
  /** Most jobs to begin or to remove. Defaults to 100. */
  limit?: number;
  /** Milliseconds that one job may take before it gives way. Defaults to no limit. */
  sliceMs?: number;
}

/**
 * Makes a server of tools.
 *
 * @param options Options, or what makes them of the platform's environment:
 * then what is wrong with them is answered as `not_configured`.
 * @throws {TypeError} If an option is missing or malformed.
 * @throws {RangeError} If a secret is too short.
 *
 * @example A server
 * ```ts
 * import { createServer, defineTool, type } from "@countersign/mcp";
 *
 * const greet = defineTool({
 *   description: "Greets someone by name",
 *   input: type({ name: "1 <= string <= 64" }),
 *   run: ({ name }) => ({ greeting: `Hello, ${name}!` }),
 * });
 * const { handle, stop } = createServer({
 *   serverId: "greeter",
 *   serverSecret: crypto.getRandomValues(new Uint8Array(32)),
 *   clients: { "client-001": crypto.getRandomValues(new Uint8Array(32)) },
 *   kv: () => Deno.openKv(":memory:"),
 *   tools: { greet },
 * });
 * const response = await handle(new Request("http://localhost/"));
 * console.log(response.status); // 200
 * await stop();
 * ```
 */
export function createServer(
  options: ServerOptions | ((env: unknown) => ServerOptions),
): Server {
  let settings = typeof options === "function"
    ? undefined
    : checkOptions(options);
  let opened: Resources | undefined;

  function configure(env: unknown): Settings {
    if (typeof options !== "function") return settings as Settings;
    return settings ??= configureFrom(options, env);
  }

  /** Keeps what settled, never a promise: see `once.ts`. */
  async function open(env: unknown): Promise<Resources> {
    if (opened) return opened;
    const made = await openResources(configure(env).resources, env);
    if (opened) made.close(); // another request was faster
    else driving.noteOpened(opened = made, env);
    return opened;
  }

  const resources = settings?.resources;
  const timing = createTiming(resources?.now);
  const driving = driveItself({ settings: resources, timing, open });

  return {
    async handle(request, env, platform) {
      try {
        driving.noteRequest(platform);
        const here = { env, platform, configure, open };
        return await routeRequest(request, here)
          .catch((thrown) => refuse(thrown, settings));
      } catch {
        return writeLastResort(); // even the refusal could not be written
      }
    },

    async work(options = {}, ...rest: unknown[]) {
      const { env, limit = 100, budgetMs, sliceMs } = checkWork(options, rest);
      const { worker } = await open(env);
      const mayStop = !canIdle();
      return await worker?.work({ env, limit, budgetMs, sliceMs, mayStop }) ??
        { ran: 0, removed: 0 };
    },

    async stop({ graceMs = 4000 } = {}) {
      await driving.stop();
      await opened?.worker?.stop(graceMs);
      opened?.close();
    },
  };
}

function configureFrom(
  options: (env: unknown) => ServerOptions,
  env: unknown,
): Settings {
  try {
    return checkOptions(makeOptions(options, env));
  } catch (error) {
    if (error instanceof CountersignError) throw error;
    throw new CountersignError("not_configured", (error as Error).message);
  }
}

/**
 * Runs the author's own function; from what it throws, what is in quotes is left
 * out: `JSON.parse` and `new URL` quote what they were given, perhaps a secret.
 */
function makeOptions(
  options: (env: unknown) => ServerOptions,
  env: unknown,
): ServerOptions {
  try {
    return options(env);
  } catch (error) {
    if (error instanceof CountersignError) throw error;
    const message = error instanceof Error
      ? error.message
      : "The server's options cannot be made";
    throw new TypeError(message.replace(/["'].*["']/s, '"…"'));
  }
}

/** Refuses what came to no endpoint, or to a server that is not configured. */
async function refuse(
  thrown: unknown,
  settings: Settings | undefined,
): Promise<Response> {
  const log = settings?.envelope.log ?? consoleLog;
  const report = (error: CountersignError) => logFailure(error, "", log);
  report(toError(thrown));
  const from = settings?.envelope ?? UNCONFIGURED;
  return await writeResponse(toRefusal(thrown), NOBODY, from, report);
}

const WORK_OPTIONS = ["env", "budgetMs", "limit", "sliceMs"];

/** In 0.1 the environment came first, and the options after it. */
function checkWork(options: WorkOptions, rest: unknown[]): WorkOptions {
  const unknown = Object.keys(options)
    .find((name) => !WORK_OPTIONS.includes(name));
  if (unknown === undefined && rest.length === 0) return options;
  throw new TypeError(
    `work takes one object of ${WORK_OPTIONS.join(", ")}: ` +
      "give it the platform's environment as env",
  );
}
