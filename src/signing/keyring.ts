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
  sign,
  verify,
} from "./hmac.ts";
import { ID } from "../envelope/request.ts";
import { RESPONSE_INFO } from "../envelope/signed_text.ts";

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
export interface Principal {
  /** Its id. */
  readonly id: string;
  /** Whether it may call a tool. */
  may(tool: string): boolean;
}

/** A client that proved who it is by signing an envelope. */
export interface Caller extends Principal {
  /** Signs an answer so that this client, and no other, can verify it. */
  sign(text: string): Promise<string>;
}

/** A client that proved who it is, under a key derived for a purpose. */
export interface Holder extends Pick<Caller, "id" | "may"> {
  /** The key that the same secret gives for another purpose; not extractable. */
  key(purpose: string): Promise<CryptoKey>;
}

/** Tells callers from strangers. */
export interface Keyring {
  /** The caller who signed `text`, if it is one of ours. */
  authenticate(
    clientId: string,
    signature: string,
    text: string,
  ): Promise<Caller | undefined>;
  /**
   * The client who made a MAC over `bytes`, if it is one of ours.
   *
   * @param purpose HKDF `info` of the key: one purpose's MACs mean nothing to another.
   */
  verify(
    clientId: string,
    purpose: string,
    mac: Uint8Array<ArrayBuffer>,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<Holder | undefined>;
}

/** A secret and the keys made from it, once it was first used. */
interface SecretKeys {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Verifies envelopes. */
  request?: CryptoKey;
  /** Keys for everything else, by purpose. */
  readonly derived: Map<string, CryptoKey>;
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
  const known = new Map<string, { held: SecretKeys[]; tools?: Set<string> }>();
  for (const [id, entry] of Object.entries(clients)) {
    if (!ID.test(id)) {
      throw new TypeError(`Client id "${id}" does not match ${ID.source}`);
    }
    const { secret, tools } = grant(entry, id);
    const held = [secret].flat().map((one) =>
      hold(secretBytes(one as Secret, `client "${id}"`, allowShortSecrets))
    );
    if (held.length === 0) throw new TypeError(`Client "${id}" has no secret`);
    known.set(id, { held, ...tools && { tools: new Set(tools) } });
  }
  if (known.size === 0) {
    throw new TypeError('Name at least one client: { "client-001": secret }');
  }
  // Every refusal costs as many verifications as the client with the most
  // secrets: time does not tell who exists, nor who is rotating.
  const tries = Math.max(...Array.from(known.values(), (c) => c.held.length));
  let decoy: SecretKeys | undefined;

  return {
    async authenticate(id, signature, text) {
      const holder = await holderOf(
        id,
        async (held) => verify(await requestKey(held), signature, text),
      );
      return holder && {
        ...holder,
        sign: async (answer) => sign(await holder.key(RESPONSE_INFO), answer),
      };
    },

    verify: (id, purpose, mac, bytes) =>
      holderOf(id, async (held) => {
        const key = await derivedKey(held, purpose);
        return await crypto.subtle.verify("HMAC", key, mac, bytes);
      }),
  };

  /** The client, if one of its secrets is what was proved to be known. */
  async function holderOf(
    id: string,
    proves: (held: SecretKeys) => Promise<boolean>,
  ): Promise<Holder | undefined> {
    const client = known.get(id);
    for (const held of candidates(id)) {
      if (!await proves(held) || held === decoy) continue;
      return {
        id,
        may: (tool) => client?.tools?.has(tool) ?? true,
        key: (purpose) => derivedKey(held, purpose),
      };
    }
  }

  function candidates(id: string): SecretKeys[] {
    // Not at module scope, where Workers have no randomness.
    const stranger = decoy ??= hold(crypto.getRandomValues(new Uint8Array(32)));
    const held = known.get(id)?.held;
    return Array.from({ length: tries }, (_, i) => held?.[i] ?? stranger);
  }
}

function hold(bytes: Uint8Array<ArrayBuffer>): SecretKeys {
  return { bytes, derived: new Map() };
}

/** Caches settled keys only: on Workers a promise belongs to the request that made it. */
async function requestKey(held: SecretKeys): Promise<CryptoKey> {
  return held.request ??= await importKey(held.bytes);
}

/** Caches settled keys only, as above. */
async function derivedKey(
  held: SecretKeys,
  purpose: string,
): Promise<CryptoKey> {
  const kept = held.derived.get(purpose);
  if (kept) return kept;
  const key = await deriveKey(held.bytes, purpose);
  held.derived.set(purpose, key);
  return key;
}

function grant(entry: Clients[string], id: string): ClientGrant {
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
