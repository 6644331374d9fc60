/**
 * What the answer to one request is made of.
 *
 * @module
 */

import type { Services } from "../call/services.ts";
import type { Background } from "../job/background.ts";
import type { Principal } from "../signing/keyring.ts";
import type { Nonce } from "../signing/nonce.ts";
import type { RpcMessage } from "./json_rpc.ts";
import type { Meta } from "./meta.ts";

/** A request by a caller who is known, with all that answering it takes. */
export interface Exchange {
  readonly message: RpcMessage;
  readonly meta: Meta;
  readonly headers: Headers;
  readonly principal: Principal;
  /** To be spent before anything is done. */
  readonly nonce: Nonce | undefined;
  readonly house: Services;
  /** Protects `requestState`. */
  readonly stateKey: CryptoKey;
  readonly server: ServerFacts;
  readonly background: Background;
  /** Most characters of a result's JSON. */
  readonly maxResult: number;
  /** Aborted when the caller has gone, and no longer wants the work done. */
  readonly signal: AbortSignal;
  /** Whether the revision knows tasks, questions and results of any JSON. */
  readonly modern: boolean;
  /** Sends a notification before the answer. */
  notify(frame: object): void;
  readonly now: () => number;
}

/** What a server tells of itself. */
export interface ServerFacts {
  readonly info: { readonly name: string; readonly version: string };
  readonly instructions: string | undefined;
  /** Whether all callers see the same, so that their answers may be shared. */
  readonly isPublic: boolean;
}
