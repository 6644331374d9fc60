/** Clients of the envelope protocol, as the tests' servers know them. */
import {
  type Client,
  type ClientOptions,
  createClient,
  type Fetch,
} from "../../src/client/mod.ts";
import { CLIENT_ID, SECRET, SERVER_ID } from "./parties.ts";
import type { tools } from "./tools.ts";

/** A client of a server in this process, or at a URL. */
export function clientOf<T = typeof tools>(
  server: Fetch | string,
  options: Partial<ClientOptions> = {},
): Client<T> {
  return createClient<T>({
    ...typeof server === "string" ? { url: server } : { fetch: server },
    clientId: CLIENT_ID,
    secret: SECRET,
    serverId: SERVER_ID,
    ...options,
  });
}
