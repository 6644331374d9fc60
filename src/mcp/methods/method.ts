/**
 * What a method of the protocol is.
 *
 * @module
 */

import { checkRateLimit, spendNonce } from "../../call/admit.ts";
import type { Exchange } from "../exchange.ts";
import { CODE, RpcError, type RpcErrorOptions } from "../json_rpc.ts";
import { needTasks } from "./tasks.ts";

/** A method. */
export interface Method {
  /** Answers a request. */
  answer(exchange: Exchange): object | Promise<object>;
  /** Whether a request may arrive twice: it changes nothing, and costs no nonce. */
  readonly replayable?: true;
  /** Whether it is of the Tasks extension: for servers with jobs, and who declares it. */
  readonly isOfTasks?: true;
  /** Whether it asks the rate limit under its own name; `tools/call` asks for the tool's. */
  readonly isLimited?: true;
}

/**
 * Answers a request by its method.
 *
 * @param notFound What the refusal of an unknown method is answered with.
 * @throws {RpcError} What the client got wrong.
 */
export async function answerMethod(
  methods: Readonly<Record<string, Method>>,
  exchange: Exchange,
  notFound?: RpcErrorOptions,
): Promise<object> {
  const { message: { method: name }, services, caller, background } = exchange;
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (method === undefined || (method.isOfTasks && !services.jobs)) {
    const message = `Method not found: ${name}`;
    throw new RpcError(CODE.methodNotFound, message, notFound);
  }
  if (method.isOfTasks) needTasks(exchange); // before the look-up
  if (method.isLimited) {
    await checkRateLimit({ caller, name, background }, services);
  }
  if (method.replayable && services.spendsAlways) {
    await spendNonce(exchange.nonce, services);
  }
  return await method.answer(exchange);
}
