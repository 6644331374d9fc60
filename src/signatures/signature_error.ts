/**
 * Why a message was not accepted.
 *
 * @module
 */

/** Why; coarse, so that a stranger learns nothing by trying. */
export type SignatureReason =
  | "missing_signature"
  | "other_profile"
  | "malformed_signature"
  | "bad_parameters"
  | "outside_time_window"
  | "insufficient_coverage"
  | "digest_mismatch"
  | "bad_signature"
  | "replayed_nonce"
  | "too_large";

/**
 * Thrown for a message whose signature is missing, wrong or not enough.
 *
 * @example Tell why
 * ```ts
 * import { SignatureError } from "@countersign/mcp/signatures";
 *
 * const error = new SignatureError("outside_time_window");
 * console.log(error.message); // Refused the message: outside_time_window
 * ```
 */
export class SignatureError extends Error {
  /** The class's name, for logs. */
  override readonly name: string = "SignatureError";
  /** Why; one of a closed list. */
  readonly reason: SignatureReason;

  /** Constructs a refusal from its reason. */
  constructor(reason: SignatureReason, options?: ErrorOptions) {
    super(`Refused the message: ${reason}`, options);
    this.reason = reason;
  }
}
