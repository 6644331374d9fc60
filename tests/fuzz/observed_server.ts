/** A server of which everything is seen: what ran, what was logged and written. */
import process from "node:process";
import { createServer, type Server, type ServerOptions } from "../../mod.ts";
import {
  CLIENT_ID,
  OTHER_ID,
  OTHER_SECRET,
  SECRET,
  SERVER_ID,
  SERVER_SECRET,
} from "../support/parties.ts";
import { type Commit, type MemoryKv, memoryKv } from "./memory_kv.ts";
import { observedTools, type Run } from "./observed_tools.ts";
import { patience } from "./patience.ts";
import { brief, must, Violation } from "./violation.ts";

/** The time of all cases, so that a case is the same whenever it is run. */
export const NOW = 1_800_000_000_000;

export const SECRETS = [SECRET, OTHER_SECRET, SERVER_SECRET];

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** What was sent back, and what happened meanwhile. */
export interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly text: string;
  /** Whether the body did not end. */
  readonly open: boolean;
  readonly runs: readonly Run[];
  readonly lines: readonly Line[];
  readonly commits: readonly Commit[];
  /** Milliseconds of processor time. */
  readonly cpuMs: number;
}

export interface ObservedServer {
  readonly kv: MemoryKv;
  readonly server: Server;
  readonly runs: Run[];
  readonly lines: Line[];
  /** What the tool `returns` does next. */
  next: () => unknown;
  send(request: Request): Promise<Sent>;
  /** Forgets the case before. */
  forget(): void;
  stop(): Promise<void>;
}

/** How long the head of an answer may take; nothing here takes longer by itself. */
const HEAD_MS = 4000;
/** How long a body may be silent before it counts as one that does not end. */
const SILENCE_MS = 400;

export function observedServer(
  options: Partial<ServerOptions> = {},
): ObservedServer {
  const kv = memoryKv();
  const runs: Run[] = [];
  const lines: Line[] = [];
  const background: Promise<unknown>[] = [];
  const observed = { next: (): unknown => null };
  const tools = observedTools(runs, () => observed.next());
  const granted = Object.keys(tools).filter((name) => name !== "forbidden");
  const server = createServer({
    serverId: SERVER_ID,
    serverSecret: SERVER_SECRET,
    clients: {
      [CLIENT_ID]: { secret: SECRET, tools: granted },
      [OTHER_ID]: OTHER_SECRET,
    },
    tools,
    kv,
    log: (level, message, fields) => lines.push({ level, message, fields }),
    now: () => NOW,
    ...options,
  });
  const platform = {
    waitUntil: (work: Promise<unknown>) => void background.push(work),
  };
  return Object.assign(observed, {
    kv,
    server,
    runs,
    lines,
    async send(request: Request): Promise<Sent> {
      const before = process.cpuUsage();
      const at = [runs.length, lines.length, kv.commits.length];
      const response = await answerOf(server, request, platform);
      const { bytes, open } = await readAll(response);
      const { user, system } = process.cpuUsage(before);
      while (background.length > 0) await background.pop();
      const { status, headers } = response;
      return {
        status,
        headers,
        bytes,
        text: new TextDecoder().decode(bytes),
        open,
        runs: runs.slice(at[0]),
        lines: lines.slice(at[1]),
        commits: kv.commits.slice(at[2]),
        cpuMs: (user + system) / 1000,
      };
    },
    forget() {
      runs.length = 0;
      lines.length = 0;
      kv.empty();
      observed.next = () => null;
    },
    stop: () => server.stop(),
  });
}

async function answerOf(
  server: Server,
  request: Request,
  platform: unknown,
): Promise<Response> {
  const { over, stop } = patience(HEAD_MS);
  const late = over.then(() => `nothing in ${HEAD_MS} ms`);
  try {
    const response: unknown = await Promise.race([
      server.handle(request, undefined, platform),
      late,
    ]);
    if (response instanceof Response) return response;
    must(false, "a request is always answered", `with ${brief(response)}`);
  } catch (error) {
    if (error instanceof Violation) throw error;
    must(false, "a request is always answered", `handle threw: ${error}`);
  } finally {
    stop();
  }
}

async function readAll(
  { body }: Response,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; open: boolean }> {
  if (body === null) return { bytes: new Uint8Array(), open: false };
  const reader = body.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  try {
    for (;;) {
      const { over, stop } = patience(SILENCE_MS);
      const silence = over.then(() => undefined);
      const read = await Promise.race([reader.read(), silence]);
      stop();
      if (read?.value) chunks.push(read.value);
      if (read && !read.done) continue;
      if (!read) await reader.cancel();
      const blob = new Blob(chunks);
      return { bytes: await blob.bytes(), open: !read };
    }
  } catch (error) {
    must(false, "a request is always answered", `its body broke: ${error}`);
  }
}
