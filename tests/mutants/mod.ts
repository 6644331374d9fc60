/** One mutant, at least, a promise of the documents; `deno task mutants` runs them. */
import { JOBS } from "./jobs.ts";
import type { Mutant } from "./mutant.ts";
import { PROTOCOL } from "./protocol.ts";
import { SECURITY } from "./security.ts";

export type { Mutant };
export const MUTANTS: readonly Mutant[] = [...PROTOCOL, ...SECURITY, ...JOBS];
