/**
 * Who the clients are: their secrets, and what each may call.
 *
 * @module
 */

import {
  deriveKey,
  importKey,
  type Secret,
  secretBytes,
  verify,
} from "./hmac.ts";
import { ID } from "../id.ts";
import { once } from "../once.ts";

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

/** Who calls, by whatever proof. */
export interface Caller {
  /** Its id. */
  readonly id: string;
  /** Whether it may call a tool. */
  may(tool: string): boolean;
}

/** A caller that proved to know a secret. */
export interface KeyHolder extends Caller {
  /**
   * The key that the same secret gives for a purpose; not extractable.
   *
   * @param purpose HKDF `info` of the key: one purpose's MACs mean nothing to another.
   */
  key(purpose: string): Promise<CryptoKey>;
}

/** Tells callers from strangers. */
export interface Keyring {
  /** The client who signed `text` with its secret itself, if it is one of ours. */
  verifyText(
    clientId: string,
    signature: string,
    text: string,
  ): Promise<KeyHolder | undefined>;
  /** The client who made a MAC over `bytes` for a purpose, if it is one of ours. */
  verifyBytes(
    clientId: string,
    purpose: string,
    mac: Uint8Array<ArrayBuffer>,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<KeyHolder | undefined>;
}

/** The keys made from a secret, each once it is first used. */
interface SecretKeys {
  /** The secret itself as a key: verifies envelopes. */
  request(): Promise<CryptoKey>;
  /** The key for a purpose. */
  derived(purpose: string): Promise<CryptoKey>;
}

/**
 * Makes a keyring.
 *
 * @throws {TypeError} If there is no client, or an id or a table of tools is malformed.
 * @throws {RangeError} If a secret is too short.
 */
export function createKeyring(
  clients: Clients,
  allowShortSecrets: boolean,
): Keyring {
  const known = new Map<
    string,
    { secrets: SecretKeys[]; tools?: Set<string> }
  >();
  for (const [id, entry] of Object.entries(clients)) {
    if (!ID.test(id)) {
      throw new TypeError(`Client id "${id}" does not match ${ID.source}`);
    }
    const { secret, tools } = checkGrant(entry, id);
    const secrets = [secret].flat().map((one) =>
      createSecretKeys(
        secretBytes(one as Secret, `client "${id}"`, allowShortSecrets),
      )
    );
    if (secrets.length === 0) {
      throw new TypeError(`Client "${id}" has no secret`);
    }
    known.set(id, { secrets, ...tools && { tools: new Set(tools) } });
  }
  if (known.size === 0) {
    throw new TypeError('Name at least one client: { "client-001": secret }');
  }
  // Every refusal costs as many verifications as the client with the most
  // secrets: time does not tell who exists, nor who is rotating.
  const tries = Math.max(
    ...Array.from(known.values(), (client) => client.secrets.length),
  );
  let decoy: SecretKeys | undefined;

  return {
    verifyText: (id, signature, text) =>
      findHolder(
        id,
        async (keys) => verify(await keys.request(), signature, text),
      ),

    verifyBytes: (id, purpose, mac, bytes) =>
      findHolder(id, async (keys) => {
        const key = await keys.derived(purpose);
        return await crypto.subtle.verify("HMAC", key, mac, bytes);
      }),
  };

  /** The client, if one of its secrets is what was proved to be known. */
  async function findHolder(
    id: string,
    proves: (keys: SecretKeys) => Promise<boolean>,
  ): Promise<KeyHolder | undefined> {
    const client = known.get(id);
    for (const keys of candidates(id)) {
      if (!await proves(keys) || keys === decoy) continue;
      return {
        id,
        may: (tool) => client?.tools?.has(tool) ?? true,
        key: keys.derived,
      };
    }
  }

  function candidates(id: string): SecretKeys[] {
    // Not at module scope, where Workers have no randomness.
    const stranger = decoy ??= createSecretKeys(
      crypto.getRandomValues(new Uint8Array(32)),
    );
    const keys = known.get(id)?.secrets;
    return Array.from({ length: tries }, (_, i) => keys?.[i] ?? stranger);
  }
}

function createSecretKeys(bytes: Uint8Array<ArrayBuffer>): SecretKeys {
  const byPurpose = new Map<string, () => Promise<CryptoKey>>();
  return {
    request: once(() => importKey(bytes)),
    derived(purpose) {
      let key = byPurpose.get(purpose);
      if (key === undefined) {
        key = once(() => deriveKey(bytes, purpose));
        byPurpose.set(purpose, key);
      }
      return key();
    },
  };
}

function checkGrant(entry: Clients[string], id: string): ClientGrant {
  const whole = typeof entry === "object" && "secret" in entry
    ? entry
    : { secret: entry };
  const { secret, tools } = whole;
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
  if (
    !secrets.every((s) => typeof s === "string" || s instanceof Uint8Array)
  ) {
    throw new TypeError(
      `Client "${id}" must have a secret, several, or { secret, tools }`,
    );
  }
  if (
    tools !== undefined &&
    !(Array.isArray(tools) && tools.every((tool) => typeof tool === "string"))
  ) {
    throw new TypeError(`Tools of client "${id}" must be a list of names`);
  }
  return whole;
}
