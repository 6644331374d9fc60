/**
 * What goes wrong between here and a KV Connect server.
 *
 * @module
 */

/** What was asked of the server. */
export type Action = "exchange the token" | "read" | "commit";

/** Thrown when a KV Connect server cannot be reached, or refuses. */
export class KvConnectError extends Error {
  /** The class's name, for logs. */
  override readonly name: string = "KvConnectError";
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** Whether the same thing may go well if it is tried again. */
  readonly transient: boolean;
  /** Whether this was a commit that may have happened all the same. */
  readonly ambiguous: boolean;

  /** Constructs an error from what was tried, why it failed and the HTTP status. */
  constructor(
    action: Action,
    why: string,
    status: number,
    options?: ErrorOptions,
  ) {
    super(`Cannot ${action} over KV Connect: ${why}`, options);
    this.status = status;
    // A 200 here is one with an unreadable answer: half of one, perhaps. To
    // the exchange of tokens it means that the URL is something else's.
    const garbled = status === 200 && action !== "exchange the token";
    this.transient = status === 0 || status === 429 || status >= 500 || garbled;
    this.ambiguous = action === "commit" && this.transient && status !== 429;
  }
}
