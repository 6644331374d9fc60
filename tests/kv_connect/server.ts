/** A KV Connect server for tests, versions 1 to 3, that can be made to fail. */
import { listen, type Listening } from "../support/listen.ts";
import { memoryRows } from "./memory_rows.ts";
import {
  readAtomicWrite,
  readSnapshotRead,
  type Rows,
  writeAtomicWriteOutput,
  writeSnapshotReadOutput,
} from "./messages.ts";

export interface KvServerOptions {
  rows: Rows;
  token: string;
  /** Versions it speaks. */
  versions?: number[];
  /** How long a session lasts. */
  lifetimeMs?: number;
  /** The data path's URL, relative to the server's. */
  endpoint?: string;
  now?: () => number;
}

/** What befalls a request. */
export type Fault =
  /** It is answered with a status instead. */
  | {
    readonly status: number;
    readonly body?: string;
    readonly headers?: HeadersInit;
  }
  /** It is carried out, and answered with a status all the same. */
  | { readonly afterwards: number }
  /** It is carried out, and the answer is lost. */
  | { readonly lost: true }
  /** It is never answered. */
  | { readonly silent: true }
  /** It is answered with these bytes. */
  | { readonly bytes: Uint8Array<ArrayBuffer> }
  /** Nothing. */
  | undefined;

export interface KvServer {
  handle(request: Request): Promise<Response>;
  /** The paths that were asked for, in order. */
  readonly paths: string[];
  /** The requests, bodies read. */
  readonly requests: Request[];
  /** What befalls the next requests to a path. */
  befall(path: string, ...faults: Fault[]): void;
  /** Makes every session worthless. */
  revoke(): void;
}

export const DATABASE = "4c9e1b6a-6f0e-4f0c-9d53-0a2f6d0d3f11";

export function kvServer(options: KvServerOptions): KvServer {
  const {
    rows,
    token,
    versions = [1, 2, 3],
    lifetimeMs = 3_600_000,
    endpoint = "/data",
    now = Date.now,
  } = options;
  const sessions = new Map<string, number>();
  const faults = new Map<string, Fault[]>();
  const paths: string[] = [];
  const requests: Request[] = [];

  async function exchange(request: Request): Promise<Response> {
    if (bearer(request) !== token) return refuse(401, "Invalid access token");
    const text = await request.text();
    const { supportedVersions } = text
      ? JSON.parse(text)
      : { supportedVersions: [1] };
    const version = Math.max(
      0,
      ...versions.filter((version) => supportedVersions.includes(version)),
    );
    if (version === 0) return refuse(400, "No version in common");
    const session = crypto.randomUUID();
    const expiresAt = now() + lifetimeMs;
    sessions.set(session, expiresAt);
    const url = version === 1 ? new URL(endpoint, request.url).href : endpoint;
    return Response.json({
      version,
      databaseId: DATABASE,
      endpoints: [
        { url: "https://elsewhere.example/data", consistency: "eventual" },
        { url, consistency: "strong" },
      ],
      token: session,
      expiresAt: new Date(expiresAt).toISOString(),
    });
  }

  async function datapath(request: Request, path: string): Promise<Response> {
    const expiresAt = sessions.get(bearer(request) ?? "") ?? 0;
    if (now() >= expiresAt) return refuse(401, "Invalid or expired session");
    const { headers } = request;
    const version = Number(headers.get("x-denokv-version") ?? 1);
    const database = headers.get(
      version === 1 ? "x-transaction-domain-id" : "x-denokv-database-id",
    );
    if (database !== DATABASE) return refuse(400, "Not this database");
    if (!versions.includes(version)) return refuse(400, "Not this version");
    if (headers.get("content-type") !== "application/x-protobuf") {
      return refuse(415, "Not Protocol Buffers");
    }
    const body = new Uint8Array(await request.arrayBuffer());
    try {
      if (path.endsWith("/snapshot_read")) {
        const read = await rows.read(readSnapshotRead(body));
        return protobuf(writeSnapshotReadOutput(read));
      }
      const written = await rows.write(readAtomicWrite(body));
      return protobuf(writeAtomicWriteOutput(written));
    } catch (error) {
      return refuse(400, String(error));
    }
  }

  function route(request: Request, path: string): Promise<Response> {
    if (request.method !== "POST") return Promise.resolve(refuse(405, "POST"));
    if (path === "/") return exchange(request);
    const known = /\/(snapshot_read|atomic_write)$/.test(path);
    if (known) return datapath(request, path);
    return Promise.resolve(refuse(404, "No such path"));
  }

  return {
    paths,
    requests,
    revoke: () => sessions.clear(),
    befall(path, ...next) {
      faults.set(path, [...faults.get(path) ?? [], ...next]);
    },
    async handle(request) {
      const { pathname } = new URL(request.url);
      paths.push(pathname);
      requests.push(request);
      const fault = faults.get(pathname)?.shift();
      if (fault === undefined) return await route(request, pathname);
      if ("status" in fault) {
        const { status, body, headers } = fault;
        return new Response(body ?? "Injected", { status, headers });
      }
      if ("bytes" in fault) return protobuf(fault.bytes);
      if ("silent" in fault) {
        return await new Promise((_, reject) =>
          request.signal.addEventListener(
            "abort",
            () => reject(request.signal.reason),
          )
        );
      }
      const response = await route(request, pathname);
      await response.body?.cancel();
      if ("afterwards" in fault) return refuse(fault.afterwards, "Injected");
      throw new TypeError("Connection lost");
    },
  };
}

/** A store behind HTTP, in memory unless it is given rows. */
export function serveKv(
  { rows = memoryRows(), ...options }:
    & Omit<KvServerOptions, "rows">
    & Partial<KvServerOptions>,
): KvServer & Listening {
  const server = kvServer({ rows, ...options });
  return { ...server, ...listen(server.handle) };
}

function bearer(request: Request): string | undefined {
  return /^Bearer (.+)$/
    .exec(request.headers.get("authorization") ?? "")?.[1];
}

function refuse(status: number, text: string): Response {
  return new Response(text, { status });
}

function protobuf(bytes: Uint8Array<ArrayBuffer>): Response {
  return new Response(bytes, {
    headers: { "content-type": "application/x-protobuf" },
  });
}
