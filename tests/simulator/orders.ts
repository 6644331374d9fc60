/** What clients want done, and what they are told. */
import type { Outcome } from "../../src/call/call.ts";
import type { CountersignError } from "../../src/errors.ts";
import type { Script } from "./scripts.ts";

/** A job that a client wants done. */
export interface Order {
  readonly clientId: string;
  readonly requestId: string;
  readonly number: number;
  readonly script: Script;
}

/** What came of a call, as its client knows it. */
export type Reply =
  | { readonly kind: "answered"; readonly outcome: Outcome }
  | { readonly kind: "refused"; readonly error: CountersignError }
  /** No answer came: it may have been done all the same. */
  | { readonly kind: "lost" };
