/**
 * The table of clients, checked.
 *
 * Its refusals quote neither ids nor secrets: the two may have been swapped.
 *
 * @module
 */

import { ID, isId } from "../id.ts";
import { type Secret, secretBytes } from "./hmac.ts";

/** A client: its secret (the newest first while two are valid) and its tools. */
export interface ClientGrant {
  /** The secret that it signs with, or several while one replaces another. */
  secret: Secret | readonly Secret[];
  /** The tools it may call beside the built-in ones. Defaults to all. */
  tools?: readonly string[];
}

/** Clients by id: a secret, several, or a grant. */
export type Clients = Readonly<
  Record<string, Secret | readonly Secret[] | ClientGrant>
>;

/** A client whose entry in the table was found good. */
export interface KnownClient {
  readonly id: string;
  readonly secrets: readonly Uint8Array<ArrayBuffer>[];
  /** `undefined` for all. */
  readonly tools: ReadonlySet<string> | undefined;
}

/**
 * Checks a table of clients.
 *
 * @param option What the refusals call the table.
 * @throws {TypeError} If there is no client, or an entry is malformed.
 * @throws {RangeError} If a secret is too short.
 */
export function checkClients(
  clients: unknown,
  option: string,
  allowShortSecrets: boolean,
): KnownClient[] {
  if (!isTable(clients) || Object.keys(clients).length === 0) {
    throw new TypeError(
      `${option} must name clients, as in {"client-001": "secret"}`,
    );
  }
  return Object.entries(clients).map(([id, entry], i) => {
    const name = `entry ${i + 1} of ${option}`;
    if (!isId(id)) {
      throw new TypeError(`The id of ${name} does not match ${ID.source}`);
    }
    const { secret, tools, ...others } = isTable(entry)
      ? entry
      : { secret: entry };
    // A misspelt `tools` would grant them all.
    if (Object.keys(others).length > 0) {
      throw new TypeError(`There is more than secret and tools in ${name}`);
    }
    const secrets = [secret].flat().map((one) =>
      secretBytes(one as Secret, `The secret of ${name}`, allowShortSecrets)
    );
    if (secrets.length === 0) {
      throw new TypeError(`There is no secret in ${name}`);
    }
    return { id, secrets, tools: checkTools(tools, name) };
  });
}

function checkTools(
  tools: unknown,
  name: string,
): ReadonlySet<string> | undefined {
  if (tools === undefined) return undefined;
  if (Array.isArray(tools) && tools.every((tool) => typeof tool === "string")) {
    return new Set(tools);
  }
  throw new TypeError(`The tools of ${name} must be a list of names`);
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null &&
    !Array.isArray(value) && !(value instanceof Uint8Array);
}
