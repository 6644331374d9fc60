/** All kinds of cases. */
import { envelopes } from "./envelopes.ts";
import type { Kind } from "./run.ts";

export const KINDS: readonly Kind[] = [envelopes] as readonly Kind[];
