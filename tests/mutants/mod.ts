/** One mutant, at least, a promise of the documents; `deno task mutants` runs them. */
import { JOBS } from "./jobs.ts";
import type { Mutant } from "./mutant.ts";
import { PROTOCOL } from "./protocol.ts";
import { SECURITY } from "./security.ts";
import { SECURITY_CLIENT } from "./security_client.ts";
import { SECURITY_MCP } from "./security_mcp.ts";

export type { Mutant };
export const MUTANTS: readonly Mutant[] = [
  ...PROTOCOL,
  ...SECURITY,
  ...SECURITY_CLIENT,
  ...SECURITY_MCP,
  ...JOBS,
];
