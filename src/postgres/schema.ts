/**
 * What stands in the database: a table, a sequence and a function.
 *
 * The number in the function's name is its version. A later release adds
 * another beside it, so that instances of both can run while one replaces the
 * other.
 *
 * @module
 */

/** Names of one store's things in the database; each is safe to write into SQL. */
export interface Names {
  readonly table: string;
  readonly sequence: string;
  readonly commit: string;
  readonly index: string;
  /** By which changes are announced. */
  readonly channel: string;
}

const NAME = /^(?:[a-z_][a-z0-9_]{0,39}\.)?[a-z_][a-z0-9_]{0,39}$/;

/**
 * Names what belongs to a table.
 *
 * @throws {TypeError} If the name would have to be quoted.
 */
export function namesOf(table: string): Names {
  if (!NAME.test(table)) {
    throw new TypeError(`The table's name "${table}" does not match ${NAME}`);
  }
  return {
    table,
    sequence: `${table}_version`,
    commit: `${table}_commit_1`,
    index: `${table.split(".").at(-1)}_expires_at`,
    channel: table.replace(".", "_"),
  };
}

/**
 * Writes the SQL that makes the table of {@linkcode postgresKv}.
 *
 * For whoever lets no server make tables: run it once, as their owner, and
 * grant the server's role what the comment at its end says. It may be run
 * again.
 *
 * @param table The table's name, with or without its schema.
 * @throws {TypeError} If the name would have to be quoted.
 *
 * @example
 * ```ts
 * import { postgresSchema } from "@countersign/mcp/postgres";
 *
 * console.log(postgresSchema("app.countersign_kv"));
 * ```
 */
export function postgresSchema(table: string = "countersign_kv"): string {
  const { sequence, commit, index } = namesOf(table);
  return `select pg_advisory_xact_lock(hashtextextended('${table}', 0));
create sequence if not exists ${sequence};
create table if not exists ${table} (
  k bytea primary key,
  v bytea not null,
  version bigint not null,
  expires_at timestamptz
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create index if not exists ${index} on ${table} (expires_at)
  where expires_at is not null;
${commitFunction(table, sequence, commit)}
-- grant select, insert, update, delete on ${table} to the_server;
-- grant usage on sequence ${sequence} to the_server;
`;
}

/**
 * Checks and writes, as one statement.
 *
 * E1. Commits that name a common key run one after the other: each takes a lock
 *     for every key that it names, present or not, in one order for all.
 * E2. A commit of many keys takes one lock that stands for all of them instead,
 *     or the server would run out of locks.
 * E3. What is checked is read after the locks were taken: under read committed
 *     each statement sees what was committed before it began.
 * E4. The version is taken under the locks, so a key's versions grow.
 */
function commitFunction(
  table: string,
  sequence: string,
  commit: string,
): string {
  return `create or replace function ${commit}(
  check_keys bytea[], check_versions bigint[],
  set_keys bytea[], set_values bytea[], set_ms bigint[],
  delete_keys bytea[]
) returns bigint language plpgsql
set lock_timeout = '5s' set enable_seqscan = off as $$
declare
  everything constant bigint := hashtextextended('${table}', 1);
  keys constant bytea[] := check_keys || set_keys || delete_keys;
  written bigint;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception '${commit} needs read committed, not %',
      current_setting('transaction_isolation') using errcode = '25001';
  end if;
  if cardinality(keys) > 32 then -- E2
    perform pg_advisory_xact_lock(everything);
  else -- E1
    perform pg_advisory_xact_lock_shared(everything);
    perform pg_advisory_xact_lock(id) from (
      select distinct hashtextextended(encode(k, 'hex'), everything) as id
      from unnest(keys) as k order by id
    ) as locks;
  end if;
  if exists (
    select from unnest(check_keys, check_versions) as wanted (k, version)
    where wanted.version is distinct from (
      select there.version from ${table} as there
      where there.k = wanted.k
        and (expires_at is null or expires_at > clock_timestamp())
    )
  ) then -- E3
    return null;
  end if;
  written := nextval('${sequence}'); -- E4
  if cardinality(delete_keys) > 0 then
    delete from ${table} where k = any(delete_keys);
  end if;
  if cardinality(set_keys) > 0 then
    insert into ${table} (k, v, version, expires_at)
      select k, v, written, clock_timestamp() + ms * interval '1 millisecond'
      from unnest(set_keys, set_values, set_ms) as wanted (k, v, ms)
    on conflict (k) do update set v = excluded.v,
      version = excluded.version, expires_at = excluded.expires_at;
  end if;
  return written;
end $$;`;
}
