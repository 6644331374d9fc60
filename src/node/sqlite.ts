/**
 * SQLite, as Node, Deno and Bun each have it.
 *
 * @module
 */

/** What a statement takes and gives. */
export type SqliteValue = null | number | string | Uint8Array;

/** A statement, prepared. */
export interface SqliteStatement {
  all(...values: SqliteValue[]): Record<string, unknown>[];
  run(...values: SqliteValue[]): unknown;
}

/** A database that is open in this thread. */
export interface Sqlite {
  exec(sql: string): unknown;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

/**
 * Opens a database.
 *
 * @throws {TypeError} Where there is no SQLite: on Node before 22.5.
 */
export async function openSqlite(path: string): Promise<Sqlite> {
  // Not by their names: bundlers would look for what another runtime has.
  const [node, bun] = ["node:sqlite", "bun:sqlite"];
  if ("Bun" in globalThis) {
    const { Database } = await import(bun) as {
      Database: new (path: string) => Sqlite;
    };
    return new Database(path);
  }
  try {
    const { DatabaseSync } = await import(node) as {
      DatabaseSync: new (path: string) => Sqlite;
    };
    return new DatabaseSync(path);
  } catch (cause) {
    const { code } = cause as { code?: string };
    if (code !== "ERR_UNKNOWN_BUILTIN_MODULE") throw cause;
    throw new TypeError(
      "There is no SQLite here: use Node 22.5 or later, Bun or Deno",
      { cause },
    );
  }
}
