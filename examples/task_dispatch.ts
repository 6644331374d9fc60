/**
 * The POST that `@modelcontextprotocol/ext-tasks` leaves to its host: one
 * request of MCP 2026-07-28, with the headers that it asks for.
 */
import type { SignedFetch } from "../src/signatures/mod.ts";

/** Sends one request; what came of it. */
export function taskDispatch(url: URL, fetch: SignedFetch) {
  let id = 1000;
  return async (
    asked: unknown,
    { signal }: { signal?: AbortSignal } = {},
  ) => {
    const request = asked as { method: string; params?: unknown };
    const { method } = request;
    const params = (request.params ?? {}) as Record<string, unknown>;
    const headers = new Headers({
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
    });
    const name = method === "tools/call" ? params.name : params.taskId;
    if (typeof name === "string") headers.set("mcp-name", name);
    const body = JSON.stringify({ jsonrpc: "2.0", id: id++, ...request });
    const response = await fetch(url, {
      method: "POST",
      headers,
      body,
      signal,
    });
    const text = await response.text();
    const frame =
      /event-stream/.test(response.headers.get("content-type") ?? "")
        ? text.split("\n").filter((line) => line.startsWith("data: ")).at(-1)
          ?.slice(6) ?? ""
        : text;
    const { error, result } = JSON.parse(frame);
    return error
      ? { kind: "error" as const, error }
      : { kind: "result" as const, result };
  };
}
