/**
 * From the access token to a session: where the data is, and a token for it.
 *
 * Follows "Metadata Exchange" of the
 * {@link https://github.com/denoland/denokv/blob/main/proto/kv-connect.md | KV Connect protocol},
 * but for redirects, which are refused: they would take the token elsewhere.
 *
 * @module
 */

import { KvConnectError } from "./error.ts";
import { post, type Transport } from "./post.ts";

/** What the data path is spoken with, until it expires. */
export interface Session {
  readonly version: number;
  readonly databaseId: string;
  readonly endpoint: string;
  readonly token: string;
  /** Unix milliseconds from which it should be renewed. */
  readonly renewAt: number;
  /** Unix milliseconds from which it is worth nothing. */
  readonly expiresAt: number;
}

/** Options for {@linkcode createSessions}. */
export interface SessionsOptions extends Transport {
  readonly url: URL;
  readonly token: string;
  readonly now: () => number;
}

/** The one session that is held. */
export interface Sessions {
  /**
   * The session, exchanged anew where it has expired or soon will.
   *
   * @throws {KvConnectError} If there is none to be had.
   */
  current(): Promise<Session>;
  /** Forgets a session that was refused. */
  drop(session: Session): void;
}

/** The versions whose data path is the same but for a header. */
const VERSIONS = [2, 3];
/** While one request renews a session, for so long the others use the old one. */
const RENEWAL_MS = 10_000;
const MAX_METADATA_BYTES = 65_536;
/** Printable ASCII: anything else would be refused as a header, and quoted. */
const TOKEN = /^[!-~]+$/;

/** Holds a session; values only, so that requests on Workers may share it. */
export function createSessions(options: SessionsOptions): Sessions {
  const { url, token, now } = options;
  let held: Session | undefined;

  function exchange(): Promise<Session> {
    return post(options, {
      action: "exchange the token",
      url: url.href,
      token,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ supportedVersions: VERSIONS }),
      limit: MAX_METADATA_BYTES,
      read: (body) => sessionOf(parseMetadata(body), url, now()),
    });
  }

  return {
    async current() {
      const old = held;
      if (old === undefined || now() >= old.expiresAt) {
        return held = await exchange();
      }
      if (now() < old.renewAt) return old;
      held = { ...old, renewAt: now() + RENEWAL_MS };
      try {
        return held = await exchange();
      } catch (error) {
        if (error instanceof KvConnectError && error.transient) return old;
        throw error;
      }
    },
    drop(session) {
      if (held?.token === session.token) held = undefined;
    },
  };
}

/** No parser's own words: they may quote a token. */
function parseMetadata(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new TypeError("it is not JSON");
  }
}

/** Reads the server's answer. */
function sessionOf(answer: unknown, url: URL, now: number): Session {
  const { version, databaseId, endpoints, token, expiresAt } =
    (answer ?? {}) as Record<string, unknown>;
  if (!VERSIONS.includes(version as number)) {
    throw new TypeError(
      `its version is ${version}, not ${VERSIONS.join(" or ")}`,
    );
  }
  if (!isToken(token) || !isToken(databaseId)) {
    throw new TypeError("it lacks a token or a database id");
  }
  const strong = (Array.isArray(endpoints) ? endpoints : [])
    .find((endpoint) => endpoint?.consistency === "strong");
  if (typeof strong?.url !== "string") {
    throw new TypeError("it names no endpoint of strong consistency");
  }
  const lifetime = Date.parse(String(expiresAt)) - now;
  if (Number.isNaN(lifetime)) {
    throw new TypeError("it does not say when the token expires");
  }
  return {
    version: version as number,
    databaseId,
    endpoint: endpointOf(strong.url, url),
    token,
    renewAt: now + 0.9 * lifetime,
    expiresAt: now + lifetime,
  };
}

/** Whether it may stand in a header. */
export function isToken(value: unknown): value is string {
  return typeof value === "string" && TOKEN.test(value);
}

/** An endpoint as safe as the URL that named it: what was encrypted stays so. */
function endpointOf(text: string, base: URL): string {
  const endpoint = new URL(text, base);
  const { protocol, origin, pathname } = endpoint;
  const weaker = base.protocol === "https:" && protocol !== "https:";
  if (weaker || !isSafe(endpoint)) {
    throw new TypeError(`its endpoint ${origin} is not https`);
  }
  return origin + pathname.replace(/\/$/, "");
}

/** Whether a token may go there: encrypted, or within this machine. */
export function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === "https:" ||
    protocol === "http:" &&
      /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
