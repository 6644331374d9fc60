/**
 * Connections to PostgreSQL, and statements that end in time.
 *
 * @module
 */

import postgres from "postgres";
import { settlesWithin } from "../waiting.ts";
import { type PostgresAction, PostgresKvError } from "./error.ts";
import { postgresSchema } from "./schema.ts";

/** What a statement is given. */
export type Parameter = string | number | null;

/** What is used of a client that the npm package `postgres` makes. */
export interface SqlClient {
  /** Runs a statement. */
  unsafe(
    statement: string,
    parameters?: Parameter[],
    options?: { prepare?: boolean },
  ): { values(): PromiseLike<unknown> };
  /** Listens to a channel, over a connection of its own. */
  listen(
    channel: string,
    told: (payload: string) => void,
  ): PromiseLike<{ unlisten(): Promise<void> }>;
  /** Ends its connections. */
  end(options?: { timeout?: number }): Promise<void>;
}

/** Asks for the rows of a statement. */
export type AskRows = (
  action: PostgresAction,
  statement: string,
  parameters: Parameter[],
) => Promise<unknown[][]>;

/** How the database is reached. */
export interface ConnectionOptions {
  /** The database, or a client of it that its owner closes. */
  readonly to: string | SqlClient;
  readonly table: string;
  readonly max: number;
  readonly timeoutMs: number;
  /** Whether connections outlive the statement that opened them. */
  readonly keepConnections: boolean;
}

/** The way to one database. */
export interface Connection {
  readonly ask: AskRows;
  /** The client that is used now. */
  client(): SqlClient;
  close(): Promise<void>;
}

/** Reaches a database; opens nothing until it is asked. */
export function createConnection(options: ConnectionOptions): Connection {
  const { to, table, timeoutMs, keepConnections } = options;
  const isOwn = typeof to === "string";
  let kept: SqlClient | undefined;
  let closed = false;

  function client(): SqlClient {
    if (closed) throw closedError();
    return isOwn ? kept ??= open(to, options) : to;
  }

  async function ask(...asked: Parameters<AskRows>): Promise<unknown[][]> {
    try {
      return await askOnce(...asked);
    } catch (error) {
      if (!isMissing(error)) throw error;
      await askOnce("make the table in", postgresSchema(table));
      return await askOnce(...asked);
    }
  }

  async function askOnce(
    action: PostgresAction,
    statement: string,
    parameters?: Parameter[],
  ): Promise<unknown[][]> {
    const sql = client();
    if (!keepConnections) kept = undefined;
    try {
      // Without parameters it may be many statements, which cannot be prepared.
      const prepare = parameters !== undefined;
      const running = sql.unsafe(statement, parameters, { prepare });
      const rows = Promise.resolve(running.values());
      if (await settlesWithin(rows, timeoutMs)) {
        return await rows as unknown[][];
      }
      rows.catch(() => {}); // whatever it says now, nobody waits for it
      throw timeoutError(timeoutMs);
    } catch (cause) {
      if (isOwn && isTimeout(cause)) dropClient(sql);
      throw new PostgresKvError(action, cause);
    } finally {
      if (isOwn && !keepConnections) await sql.end({ timeout: 1 });
    }
  }

  /** A connection that says nothing would swallow the next statement, too. */
  function dropClient(sql: SqlClient): void {
    if (kept === sql) kept = undefined;
    void sql.end({ timeout: 0 });
  }

  return {
    ask,
    client,
    async close() {
      closed = true;
      await kept?.end({ timeout: 1 });
      kept = undefined;
    },
  };
}

function open(
  url: string,
  { max, timeoutMs, keepConnections }: ConnectionOptions,
): SqlClient {
  return postgres(url, {
    max: keepConnections ? max : 1,
    // Half the time, so that it is known when nothing was ever sent.
    connect_timeout: timeoutMs / 2000,
    idle_timeout: 60,
    // The driver's own pauses grow to 20 s, and a call does not wait so long.
    backoff: (tries: number) => Math.min(1, 0.05 * 2 ** tries),
    fetch_types: false, // a round trip more, for types that are not used here
    onnotice: () => {},
    connection: { application_name: "countersign" },
  });
}

/** Checks a URL; it is not quoted, for it holds a password. */
export function checkUrl(url: string | URL): string {
  const text = String(url); // of several hosts it would be no `URL`
  if (/^postgres(ql)?:\/\//.test(text)) return text;
  throw new TypeError(
    "Cannot connect to PostgreSQL: the url does not begin with postgres://",
  );
}

/** Whether the error says that the table, the function or its schema is not there. */
function isMissing(error: unknown): boolean {
  return error instanceof PostgresKvError &&
    /^(42P01|42883)$/.test(error.code);
}

function timeoutError(ms: number): Error {
  const message = `it gave no answer within ${ms} ms`;
  return Object.assign(new Error(message), { code: "TIMEOUT" });
}

function isTimeout(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "TIMEOUT";
}

/** Named as `Deno.Kv` names it. */
function closedError(): Error {
  const error = new Error("Cannot use a KV that was closed");
  error.name = "BadResource";
  return error;
}
