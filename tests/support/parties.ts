/** Who takes part in the tests: a server, two clients, and their secrets. */

export const SERVER_ID = "mcp-server-001";
export const SERVER_SECRET = "the-server's-own-secret-that-nobody-else-has";
export const CLIENT_ID = "client-001";
export const SECRET = "a-secret-of-client-001-that-is-long-enough";
export const OTHER_ID = "client-002";
export const OTHER_SECRET = "a-secret-of-client-002-that-is-long-enough";

/** What a server is told of itself and of its clients. */
export const PARTIES = {
  serverId: SERVER_ID,
  serverSecret: SERVER_SECRET,
  clients: { [CLIENT_ID]: SECRET, [OTHER_ID]: OTHER_SECRET },
};

/** Whose calls a client signs, for its options. */
export const OTHER = { clientId: OTHER_ID, secret: OTHER_SECRET };
