/**
 * Who the clients are: their secrets, and what each may call.
 *
 * @module
 */

import { once } from "../once.ts";
import { checkClients, type Clients } from "./clients.ts";
import { deriveKey, importKey, verify } from "./hmac.ts";

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

/** A known client: where its keys stand among all, and how many they are. */
interface Client {
  readonly at: number;
  readonly count: number;
  readonly tools: ReadonlySet<string> | undefined;
}

/**
 * Makes a keyring.
 *
 * Every id is tried with as many keys as the client with the most secrets has:
 * its own, and those that follow them; for a stranger, those from some place
 * that is always the same. So every refusal costs the same number of
 * verifications, with keys that are as often in use and were imported as late
 * as any: time does not tell who exists nor who is rotating, on a cold server
 * or through the processor's caches.
 *
 * @throws {TypeError} If there is no client, or an entry is malformed.
 * @throws {RangeError} If a secret is too short.
 */
export function createKeyring(
  clients: Clients,
  allowShortSecrets: boolean,
): Keyring {
  const all: SecretKeys[] = [];
  const known = new Map<string, Client>();
  let tries = 0;
  for (
    const { id, secrets, tools } of checkClients(
      clients,
      "clients",
      allowShortSecrets,
    )
  ) {
    const count = secrets.length;
    known.set(id, { at: all.length, count, tools });
    all.push(...secrets.map(createSecretKeys));
    tries = Math.max(tries, count);
  }
  let hash: ((text: string) => number) | undefined;

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
    hash ??= randomHash(); // not at module scope: Workers have no randomness there
    const anywhere = hash(id) % all.length;
    const { at, count, tools } = known.get(id) ??
      { at: anywhere, count: 0, tools: undefined };
    for (let i = 0; i < tries; i++) {
      const keys = all[(at + i) % all.length];
      // Who holds the secret of another is still not this client.
      if (!await proves(keys) || i >= count) continue;
      return {
        id,
        may: (tool) => tools?.has(tool) ?? true,
        key: keys.derived,
      };
    }
  }
}

/**
 * A hash of its own for each keyring, so that nobody can name two ids that have
 * one decoy: a text as a polynomial at a random point, modulo a prime.
 */
function randomHash(): (text: string) => number {
  const prime = 2 ** 31 - 1;
  // 22 bits beside 31: every product is an exact double.
  const point = crypto.getRandomValues(new Uint32Array(1))[0] >>> 10;
  return (text) => {
    let value = 1;
    for (let i = 0; i < text.length; i++) {
      value = (value * point + text.charCodeAt(i)) % prime;
    }
    return value;
  };
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
