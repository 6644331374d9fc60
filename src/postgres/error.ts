/**
 * What goes wrong between here and PostgreSQL.
 *
 * @module
 */

/** What was asked of the database. */
export type PostgresAction = "read from" | "commit to" | "make the table in";

/** Thrown when PostgreSQL cannot be reached, or refuses. */
export class PostgresKvError extends Error {
  /** The class's name, for logs. */
  override readonly name: string = "PostgresKvError";
  /** The SQLSTATE, or what the connection says: `CONNECTION_CLOSED`, `TIMEOUT`. */
  readonly code: string;
  /** Whether the same thing may go well if it is tried again. */
  readonly transient: boolean;
  /** Whether this was a commit that may have happened all the same. */
  readonly ambiguous: boolean;

  /** Constructs an error from what was tried, and how the driver or the database failed. */
  constructor(action: PostgresAction, cause: unknown) {
    const { code = "", message = String(cause) } = (cause ?? {}) as {
      code?: string;
      message?: string;
    };
    super(`Cannot ${action} PostgreSQL: ${explain(code, message)}`, { cause });
    this.code = code;
    this.transient = isLost(code) || BUSY.test(code);
    this.ambiguous = action === "commit to" && isLost(code) &&
      !NEVER_SENT.test(code);
  }
}

/**
 * SQLSTATEs by which nothing was written, and that pass: conflicts, no room,
 * starting up, a statement or a wait cut short, a standby that is to be primary.
 */
const BUSY = /^(40001|40P01|53...|55P03|57P03|57014|25006)$/;

/** SQLSTATEs of a connection that ended, perhaps in the middle of a commit. */
const CUT = /^(08...|57P01|57P02|57P05|40003)$/;

/** What the driver says where no statement was ever sent. */
const NEVER_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CONNECT_TIMEOUT|CONNECTION_ENDED|08001|08004)$/;

/** Whether the connection was lost, or there was none: the driver's codes are no SQLSTATEs. */
function isLost(code: string): boolean {
  return CUT.test(code) || NEVER_SENT.test(code) ||
    /^(CONNECT|TIMEOUT|E[A-Z]{3})/.test(code);
}

function explain(code: string, message: string): string {
  switch (code) {
    case "TIMEOUT":
      return message;
    case "42501":
      return `${message}; have its owner run the SQL of postgresSchema()`;
  }
  if (NEVER_SENT.test(code)) return `there is no connection (${code})`;
  if (isLost(code)) return `the connection was lost (${code})`;
  return code ? `${message} (${code})` : message;
}
