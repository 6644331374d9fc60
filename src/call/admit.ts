/**
 * What a call must pass before anything is done for it, in PROTOCOL.md's order.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import { type Nonce, replayedError } from "../signing/nonce.ts";
import { check, sentence } from "../tool/check.ts";
import type { Schema } from "../tool/standard_schema.ts";
import type { Tool } from "../tool/tool.ts";
import { type Builtin, BUILTINS } from "./builtin.ts";
import type { Call } from "./call.ts";
import type { Services } from "./services.ts";

/** A call that may go on: what it calls, and with which checked arguments. */
export type Admitted =
  | { readonly builtin: Builtin; readonly args: unknown }
  | {
    readonly builtin: undefined;
    readonly tool: Tool;
    readonly args: unknown;
  };

/**
 * Checks that the tool exists for the caller, that it may call it now, and its
 * arguments. A tool that it may not call reads like none.
 *
 * @throws {CountersignError} `unknown_tool`, `rate_limited` or `invalid_args`
 */
export async function admit(call: Call, services: Services): Promise<Admitted> {
  const { name, caller } = call;
  const { tools } = services;
  const builtin = Object.hasOwn(BUILTINS, name) ? BUILTINS[name] : undefined;
  const tool = Object.hasOwn(tools, name) ? tools[name] : undefined;
  if (builtin) {
    await checkRateLimit(call, services);
    return { builtin, args: checkArgs(builtin.input, call.args) };
  }
  if (tool === undefined || !caller.may(name)) {
    throw new CountersignError(
      "unknown_tool",
      `No tool is named "${name}"; list_tools has them all`,
    );
  }
  await checkRateLimit(call, services);
  return { builtin, tool, args: checkArgs(tool.input, call.args) };
}

/**
 * Asks the server's own limit whether a caller may go on.
 *
 * @throws {CountersignError} `rate_limited`
 */
export async function checkRateLimit(
  { caller, name, background }: Pick<Call, "caller" | "name" | "background">,
  { rateLimit }: Pick<Services, "rateLimit">,
): Promise<void> {
  const limited = await rateLimit?.({
    clientId: caller.id,
    tool: name,
    env: background.env,
  });
  if (limited === undefined) return;
  const { retryAfterMs } = limited;
  if (retryAfterMs === undefined) {
    throw new TypeError("rateLimit must return { retryAfterMs } or undefined");
  }
  throw new CountersignError(
    "rate_limited",
    `Too many calls; wait ${retryAfterMs} ms`,
    { retryAfterMs },
  );
}

function checkArgs(schema: Schema, args: unknown): unknown {
  const checked = check(schema, args);
  if (checked.ok) return checked.value;
  const { issues } = checked;
  throw new CountersignError("invalid_args", sentence(issues), { issues });
}

/**
 * Spends a nonce: from here on its request is accepted, and never again.
 *
 * @throws {CountersignError} `replayed`
 */
export async function spendNonce(
  nonce: Nonce | undefined,
  { spend }: Pick<Services, "spend">,
): Promise<void> {
  if (nonce && !await spend(nonce)) throw replayedError();
}
