/** Envelopes made by hand, beside the client: signed with `node:crypto`. */
import { createHmac, hkdfSync } from "node:crypto";

import { CLIENT_ID, SECRET, SERVER_ID } from "./parties.ts";

export type Fields = Record<string, unknown>;

/** JSON with sorted keys and no space: RFC 8785 for what the tests send. */
export function canonical(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return `{${
    members.map(([name, member]) =>
      `${JSON.stringify(name)}:${canonical(member)}`
    ).join(",")
  }}`;
}

/** The fields of a call of `batch_sum`, with changes. */
export function fields(changes: Fields = {}): Fields {
  return {
    v: "mcp/0.1",
    request_id: crypto.randomUUID(),
    ts_ms: Date.now(),
    client_id: CLIENT_ID,
    server_id: SERVER_ID,
    tool: "batch_sum",
    args: { numbers: [1, 2, 3] },
    nonce: crypto.randomUUID(),
    ...changes,
  };
}

export function signatureOf(fields: Fields, secret: string | Uint8Array) {
  return createHmac("sha256", secret).update(canonical(fields)).digest("hex");
}

/** A signed call, as the text of its body. */
export function signed(changes: Fields = {}, secret = SECRET): string {
  const unsigned = fields(changes);
  return JSON.stringify({
    ...unsigned,
    signature: signatureOf(unsigned, secret),
  });
}

export function request(body: BodyInit, init: RequestInit = {}): Request {
  return new Request("http://localhost/", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
    ...init,
  });
}

/** The key that answers to a client are signed with. */
export function responseKey(secret = SECRET): Uint8Array {
  return new Uint8Array(
    hkdfSync("sha256", secret, "", "mcp/0.1 response", 32),
  );
}

/** Whether an answer's signature is the server's for this client. */
export function isSignedFor(answer: Fields, secret = SECRET): boolean {
  const { signature, ...unsigned } = answer;
  return signature === signatureOf(unsigned, responseKey(secret));
}
