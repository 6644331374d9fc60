/** A client in this process that signs what it sends to `/mcp`. */
import type { Fetch } from "../../src/client/mod.ts";
import {
  signedFetch,
  type SignedFetchOptions,
} from "../../src/signatures/mod.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "./parties.ts";

export interface SigningClient {
  /** Signs a request, sends it, and believes the signed answer. */
  readonly fetch: ReturnType<typeof signedFetch>;
  /** The same, where a server is expected. */
  readonly handle: (request: Request) => Promise<Response>;
  /** What was sent, to be sent again. */
  readonly sent: Request[];
}

export function signingClient(
  handle: Fetch,
  options: Partial<SignedFetchOptions> = {},
): SigningClient {
  const sent: Request[] = [];
  const fetch = signedFetch({
    clientId: CLIENT_ID,
    secret: SECRET,
    serverId: SERVER_ID,
    ...options,
    fetch: (request) => {
      sent.push(request.clone());
      return handle(request);
    },
  });
  return { fetch, handle: (request) => fetch(request), sent };
}
