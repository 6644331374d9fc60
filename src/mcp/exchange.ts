/**
 * What the answer to one request is made of.
 *
 * @module
 */

import type { Platform } from "../call/call.ts";
import type { Services } from "../call/services.ts";
import type { Caller } from "../signing/keyring.ts";
import type { Nonce } from "../signing/nonce.ts";
import type { StreamLimit } from "./http/stream_limit.ts";
import type { RpcMessage } from "./json_rpc.ts";
import type { Meta } from "./meta.ts";
import type { Revision } from "./revisions.ts";

/** A request by a caller who is known, with all that answering it takes. */
export interface Exchange extends Platform {
  readonly message: RpcMessage;
  readonly revision: Revision;
  readonly meta: Meta;
  readonly headers: Headers;
  readonly caller: Caller;
  /** To be spent before anything is done. */
  readonly nonce: Nonce | undefined;
  readonly services: Services;
  readonly server: ServerFacts;
  /** Most characters of a result's JSON. */
  readonly maxResult: number;
  readonly streams: StreamLimit;
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
