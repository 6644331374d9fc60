/**
 * Commands, from the words on a command line to what runs.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { signingProxy } from "./signing_proxy.ts";
import { signedFetch } from "../signatures/signed_fetch.ts";

const USAGE =
  `Usage: COUNTERSIGN_SECRET=… cli proxy --url URL --server ID --client ID [--port PORT]

Listens on 127.0.0.1 for MCP requests, signs them as the client for the server,
sends them to the MCP endpoint at URL, and verifies the answers. PORT defaults to 8788; 0
takes a free one.`;

/**
 * Runs a command until it is interrupted.
 *
 * @param args The command and its options, as on the command line.
 * @param secret The client's secret.
 * @throws {TypeError} If the command or an option is missing or malformed.
 * @throws {RangeError} If the secret is too short.
 */
export function main(
  args: string[],
  secret: string | undefined,
): Deno.HttpServer<Deno.NetAddr> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      url: { type: "string" },
      server: { type: "string" },
      client: { type: "string" },
      port: { type: "string", default: "8788" },
    },
  });
  const { url, server, client, port } = values;
  if (positionals.join() !== "proxy" || !url || !server || !client) {
    throw new TypeError(USAGE);
  }
  if (!secret) {
    throw new TypeError("Set COUNTERSIGN_SECRET to the client's secret");
  }
  if (!/^\d{1,5}$/.test(port)) {
    throw new TypeError("--port is not the number of a port");
  }
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (!target || !/^https?:$/.test(target.protocol) || target.username) {
    throw new TypeError("--url is not the address of a web server");
  }
  return Deno.serve({
    hostname: "127.0.0.1",
    port: Number(port),
    handler: signingProxy({
      url: target,
      fetch: signedFetch({ clientId: client, secret, serverId: server }),
    }),
    onListen: ({ port }) =>
      console.log(
        `Point your host at http://127.0.0.1:${port}${target.pathname}`,
      ),
  });
}
