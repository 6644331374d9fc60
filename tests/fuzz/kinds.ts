/** All kinds of cases. */
import { client } from "./client.ts";
import { envelopes } from "./envelopes.ts";
import { fields } from "./fields.ts";
import { http } from "./http.ts";
import { mcp } from "./mcp.ts";
import { mcpSigned } from "./mcp_signed.ts";
import { middle } from "./middle.ts";
import type { Kind } from "./run.ts";

export const KINDS: readonly Kind[] = [
  envelopes,
  http,
  mcp,
  mcpSigned,
  fields,
  client,
  middle,
] as readonly Kind[];
