/** Requests of the Model Context Protocol, made by hand. */
import type { Server } from "../../mod.ts";
import type { Fields } from "./envelopes.ts";

export const REVISION = "2026-07-28";
const PREFIX = "io.modelcontextprotocol/";

/** Capabilities of a client that can do everything. */
export const ABLE = {
  elicitation: { form: {}, url: {} },
  sampling: {},
  roots: {},
  extensions: { [`${PREFIX}tasks`]: {} },
};

export interface Changes {
  id?: unknown;
  /** Capabilities of the client. */
  capabilities?: unknown;
  /** What else stands in `_meta`. */
  meta?: Fields;
  /** Headers to set, or with `null` to leave out. */
  headers?: Record<string, string | null>;
  signal?: AbortSignal;
}

/** A request as an honest client sends it, with changes. */
export function mcpRequest(
  method: string,
  params: Fields = {},
  { id = 1, capabilities = ABLE, meta, headers = {}, signal }: Changes = {},
): Request {
  const sent = new Headers({
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": REVISION,
    "mcp-method": method,
  });
  const name = params.name ?? params.taskId;
  if (typeof name === "string") sent.set("mcp-name", name);
  for (const [field, value] of Object.entries(headers)) {
    if (value === null) sent.delete(field);
    else sent.set(field, value);
  }
  const _meta = {
    [`${PREFIX}protocolVersion`]: REVISION,
    [`${PREFIX}clientCapabilities`]: capabilities,
    ...meta,
  };
  return raw(
    JSON.stringify({
      jsonrpc: "2.0",
      id,
      method,
      params: { ...params, _meta },
    }),
    sent,
    signal,
  );
}

/** Any body at all. */
export function raw(
  body: string,
  headers: HeadersInit = { "content-type": "application/json" },
  signal?: AbortSignal,
): Request {
  return new Request("http://localhost/mcp", {
    method: "POST",
    headers,
    body,
    signal,
  });
}

export interface Said {
  status: number;
  result?: Fields;
  error?: { code: number; message: string; data?: Fields };
  id?: unknown;
  /** What was notified before. */
  notified: Fields[];
}

/** Sends a request; what was answered, as JSON or at the end of a stream. */
export async function ask(
  { handle }: Pick<Server, "handle">,
  request: Request,
): Promise<Said> {
  const response = await handle(request);
  const frames = framesOf(response, await response.text());
  const notified = frames.slice(0, -1);
  return { status: response.status, ...frames.at(-1), notified } as Said;
}

/** Calls a tool. */
export function call(
  server: Pick<Server, "handle">,
  name: string,
  args: Fields = {},
  changes: Changes & { params?: Fields } = {},
): Promise<Said> {
  const params = { name, arguments: args, ...changes.params };
  return ask(server, mcpRequest("tools/call", params, changes));
}

function framesOf(response: Response, text: string): Fields[] {
  if (text === "") return [{}];
  if (response.headers.get("content-type") !== "text/event-stream") {
    return [JSON.parse(text)];
  }
  return text.split("\n").filter((line) => line.startsWith("data: "))
    .map((line) => JSON.parse(line.slice(6)));
}

/** The text of a result's first block. */
export function textOf({ result }: Said): string {
  const [block] = result?.content as { text: string }[];
  return block.text;
}
