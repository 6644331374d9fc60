/** All kinds of cases. */
import { configuration } from "./configuration.ts";
import { client } from "./client.ts";
import { envelopes } from "./envelopes.ts";
import { events } from "./events.ts";
import { fields } from "./fields.ts";
import { http } from "./http.ts";
import { jobControl } from "./job_control.ts";
import { kvConnect } from "./kv_connect.ts";
import { mcp } from "./mcp.ts";
import { mcpSigned } from "./mcp_signed.ts";
import { middle } from "./middle.ts";
import { results } from "./results.ts";
import type { Kind } from "./run.ts";
import { words } from "./words.ts";
import { starts } from "./starts.ts";

export const KINDS: readonly Kind[] = [
  envelopes,
  http,
  mcp,
  mcpSigned,
  fields,
  client,
  middle,
  events,
  kvConnect,
  results,
  starts,
  jobControl,
  words,
  configuration,
] as readonly Kind[];
