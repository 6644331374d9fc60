/**
 * The one error class, and the one table that turns its codes into statuses.
 *
 * Imports nothing: the client carries this file too.
 *
 * @module
 */

/** A reason that a server gives; switch on it, never on the message. */
export type WireCode =
  | "method_not_allowed"
  | "not_found"
  | "unsupported_media_type"
  | "payload_too_large"
  | "malformed"
  | "wrong_server"
  | "unauthenticated"
  | "stale_timestamp"
  | "replayed"
  | "unknown_tool"
  | "forbidden"
  | "invalid_args"
  | "idempotency_conflict"
  | "job_not_found"
  | "job_cancelled"
  | "too_many_jobs"
  | "rate_limited"
  | "tool_failed"
  | "result_too_large"
  | "unavailable"
  | "not_configured";

/**
 * The codes that travel on the wire, as PROTOCOL.md has them: the HTTP status,
 * and whether the answer is signed. `"either"` may come before the server knows
 * whom to sign for, and after.
 */
export const ERRORS: Readonly<
  Record<WireCode, { status: number; signed: "yes" | "no" | "either" }>
> = {
  method_not_allowed: { status: 405, signed: "no" },
  not_found: { status: 404, signed: "no" },
  unsupported_media_type: { status: 415, signed: "no" },
  payload_too_large: { status: 413, signed: "no" },
  malformed: { status: 400, signed: "no" },
  wrong_server: { status: 421, signed: "no" },
  unauthenticated: { status: 401, signed: "no" },
  stale_timestamp: { status: 401, signed: "yes" },
  replayed: { status: 409, signed: "yes" },
  unknown_tool: { status: 404, signed: "yes" },
  forbidden: { status: 403, signed: "yes" },
  invalid_args: { status: 422, signed: "yes" },
  idempotency_conflict: { status: 409, signed: "yes" },
  job_not_found: { status: 404, signed: "yes" },
  job_cancelled: { status: 409, signed: "yes" },
  too_many_jobs: { status: 429, signed: "yes" },
  rate_limited: { status: 429, signed: "yes" },
  tool_failed: { status: 500, signed: "yes" },
  result_too_large: { status: 500, signed: "yes" },
  unavailable: { status: 503, signed: "either" },
  not_configured: { status: 503, signed: "either" },
};

/** HTTP status for every code that travels on the wire. */
export const HTTP_STATUS: Readonly<Record<WireCode, number>> =
  /* @__PURE__ */ Object.fromEntries(
    Object.entries(ERRORS).map(([code, { status }]) => [code, status]),
  ) as Record<WireCode, number>;

/**
 * A {@linkcode WireCode}, or what only a client can find out: `unreachable`
 * (no answer came) and `unverified_answer` (one came that nobody signed for us).
 */
export type ErrorCode = WireCode | "unreachable" | "unverified_answer";

/** One place in the arguments that did not pass the tool's schema. */
export interface Issue {
  /** Where, from the root of the arguments: `["numbers", 0]`. */
  readonly path: readonly (string | number)[];
  /** What is wrong there, as a sentence without a full stop. */
  readonly message: string;
}

/** Options for {@linkcode CountersignError}. */
export interface CountersignErrorOptions extends ErrorOptions {
  /** What the caller got wrong, place by place. Only with `invalid_args`. */
  issues?: readonly Issue[];
  /** Milliseconds after which it is worth trying again. */
  retryAfterMs?: number;
  /** The job that this error is the outcome of. */
  jobId?: string;
  /** Whether the server signed it. */
  signed?: boolean;
}

/**
 * Thrown by every stage of the server, and by every method of the client.
 *
 * `message` is fit for the caller; what is not stands in `cause`, which is
 * logged by the server and never sent.
 *
 * @example Tell a missing tool from a refused one
 * ```ts
 * import { CountersignError } from "@countersign/mcp";
 *
 * const error = new CountersignError("unknown_tool", 'No tool is named "add"');
 * if (error.code === "unknown_tool") console.log(error.status); // 404
 * ```
 */
export class CountersignError extends Error {
  /** The class's name, for logs. */
  override readonly name: string = "CountersignError";
  /** Why; one of a closed table. */
  readonly code: ErrorCode;
  /** What the caller got wrong, place by place; often empty. */
  readonly issues: readonly Issue[];
  /** Milliseconds after which it is worth trying again, where that is known. */
  readonly retryAfterMs: number | undefined;
  /** The job that this error is the outcome of, where there is one. */
  readonly jobId: string | undefined;
  /**
   * Whether the server signed it. What nobody signed anyone on the way may have
   * written; `false` also where no answer came, and on the server itself.
   */
  readonly signed: boolean;

  /** Constructs an error from its code and a sentence fit for the caller. */
  constructor(
    code: ErrorCode,
    message: string,
    options: CountersignErrorOptions = {},
  ) {
    // Half a character would make every answer unwritable that carries it.
    super(String(message).toWellFormed(), options);
    this.code = code;
    this.issues = options.issues ?? [];
    this.retryAfterMs = options.retryAfterMs;
    this.jobId = options.jobId;
    this.signed = options.signed ?? false;
  }

  /** HTTP status of the code; 0 where there is none. */
  get status(): number {
    return ERRORS[this.code as WireCode]?.status ?? 0;
  }
}

/**
 * Thrown by a tool whose message the caller should read.
 *
 * Anything else that a tool throws is logged, and the caller is told only that
 * the tool failed. In a job it counts as one failed attempt, like any error.
 *
 * @example Say what the caller can do
 * ```ts
 * import { ToolError } from "@countersign/mcp";
 *
 * function find(id: string): never {
 *   throw new ToolError(`No customer has the id "${id}"; list_customers has them all`);
 * }
 * ```
 */
export class ToolError extends CountersignError {
  /** The class's name, for logs. */
  override readonly name: string = "ToolError";

  /** Constructs an error from a sentence fit for the caller. */
  constructor(message: string, options?: CountersignErrorOptions) {
    super("tool_failed", message, options);
  }
}

/** Thrown by a job's tool to say that trying again cannot help. */
export class TerminalError extends ToolError {
  /** The class's name, for logs. */
  override readonly name: string = "TerminalError";
}
