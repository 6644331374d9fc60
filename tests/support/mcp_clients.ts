/** The official clients of the Model Context Protocol, signing what they send. */
// deno-lint-ignore-file no-import-prefix -- packages of the tests alone
import {
  Client,
  StreamableHTTPClientTransport,
} from "npm:@modelcontextprotocol/client@2.4.0";
import {
  createApplicationInputHandler,
  createTaskSessionFromClient,
  resultFromTaskOutcome,
} from "npm:@modelcontextprotocol/ext-tasks@0.2.2/client";
import { taskDispatch } from "../../examples/task_dispatch.ts";
import type { SignedFetch } from "../../src/signatures/mod.ts";
import { SERVER_ID } from "./parties.ts";
import { REVISION } from "./mcp.ts";

export { resultFromTaskOutcome };

const INFO = { name: "countersign-tests", version: "1.0.0" };
const CAPABILITIES = {
  elicitation: {},
  extensions: { "io.modelcontextprotocol/tasks": {} },
};

/** Connects the official client. */
export async function connect(
  url: string,
  fetch: SignedFetch,
  revision: string = REVISION,
) {
  const modern = revision === REVISION;
  const client = new Client(INFO, {
    ...modern && { versionNegotiation: { mode: { pin: revision } } },
    capabilities: modern ? CAPABILITIES : {},
  });
  if (modern) {
    client.setRequestHandler(
      "elicitation/create",
      () => Promise.resolve({ action: "accept", content: { name: "Ada" } }),
    );
  }
  await client.connect(
    new StreamableHTTPClientTransport(new URL("/mcp", url), { fetch }),
  );
  return client;
}

/** A session of the official tasks package over a connected client. */
export function taskSession(client: Client, url: string, fetch: SignedFetch) {
  return createTaskSessionFromClient(client, {
    endpointId: SERVER_ID, // the same server, whichever process answers
    rawDispatch: taskDispatch(new URL("/mcp", url), fetch),
    v2RequestFraming: {
      protocolVersion: REVISION,
      clientInfo: INFO,
      clientCapabilities: CAPABILITIES,
    },
    onInputRequest: createApplicationInputHandler({
      elicitation: () =>
        Promise.resolve({ action: "accept", content: { name: "Ada" } }),
      sampling: () => Promise.reject(new Error("Nobody should ask this")),
      roots: () => Promise.resolve({ roots: [] }),
    }),
  });
}
