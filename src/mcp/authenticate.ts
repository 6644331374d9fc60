/**
 * Who asks: signatures unless the server says otherwise.
 *
 * @module
 */

import { ID, isId } from "../id.ts";
import type { Caller } from "../signing/keyring.ts";
import type { Nonce } from "../signing/nonce.ts";
import {
  challenge,
  type VerifyOptions,
  verifyRequest,
} from "../signatures/authenticate.ts";
import { SignatureError } from "../signatures/signature_error.ts";

/** A caller whose request was found to be its own. */
export interface Authenticated {
  readonly caller: Caller;
  /** To be spent before anything is changed. */
  readonly nonce?: Nonce;
  /** Signs the answer, where the caller expects that. */
  signResponse?(response: Response): Promise<Response>;
}

/** Finds out who sent a request, or answers in the server's place. */
export type McpAuthenticate = (
  request: Request,
  body: Uint8Array,
) => Promise<Authenticated | Response>;

/** A server's own way to find out who sent a request: the caller, or the answer. */
export type Authenticate = (
  request: Request,
  body: Uint8Array,
) => Promise<{ id: string; may?(tool: string): boolean } | Response>;

/** Whom a server that asks nobody takes everybody for. */
const ANYBODY: Caller = { id: "mcp:anybody", may: () => true };

/** Lets everybody in; they share one identity, and so their tasks. */
export const anyone: McpAuthenticate = () =>
  Promise.resolve({ caller: ANYBODY });

/** Lets in whom the server's own function knows. */
export function byFunction(authenticate: Authenticate): McpAuthenticate {
  return async (request, body) => {
    const found = await authenticate(request, body);
    if (found instanceof Response) return found;
    const { id } = found;
    if (!isId(id)) {
      throw new TypeError(
        `authenticate gave an id that does not match ${ID.source}`,
      );
    }
    return { caller: { id, may: (tool) => found.may?.(tool) ?? true } };
  };
}

/** Lets in who signs with a client's secret, and signs what they are answered. */
export function bySignature(options: VerifyOptions): McpAuthenticate {
  return async (request, body) => {
    try {
      const { caller, nonce, respond } = await verifyRequest(
        request,
        body,
        options,
      );
      return { caller, nonce, signResponse: respond };
    } catch (error) {
      if (!(error instanceof SignatureError)) throw error;
      return challenge(request, error.reason);
    }
  };
}
