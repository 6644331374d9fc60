/** Changes of requests and answers on their way. */
import fc from "npm:fast-check@4.10.2";
import type { Sent } from "./observed_server.ts";
import { applyEdits, type Edit, edit } from "./edits.ts";

export interface Alteration {
  readonly what: "url" | "method" | "body" | "status" | "header";
  /** The header's name, or what else is set. */
  readonly name: string;
  /** What it is set to; edits of what stands there where it is `undefined`. */
  readonly to: string | null | undefined;
  readonly edit: Edit;
}

const SIGNATURE_FIELDS = ["signature-input", "signature", "content-digest"];
const FIELDS = [
  ...SIGNATURE_FIELDS,
  "content-type",
  "mcp-method",
  "mcp-name",
  "mcp-protocol-version",
  "mcp-param-x",
  "authorization",
  "accept",
  "x-more",
  "retry-after",
];

const alteration: fc.Arbitrary<Alteration> = fc.record({
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constant("header" as const) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        "url" as const,
        "method" as const,
        "body" as const,
        "status" as const,
      ),
    },
  ),
  name: fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom(...SIGNATURE_FIELDS) },
    { weight: 1, arbitrary: fc.constantFrom(...FIELDS) },
  ),
  to: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant(null) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "",
        "x",
        "sig=()",
        'mcp=("@method");created=1;keyid="a"',
        "http://localhost/mcp?",
        "http://localhost:8080/mcp",
        "http://localhost/mcp?x=1",
        "http://127.0.0.1/mcp",
        "https://localhost/mcp",
        "PUT",
        "201",
        "500",
        "application/json",
        "Basic YTpi",
        '{"jsonrpc":"2.0","id":1,"result":{}}',
      ),
    },
  ),
  edit,
});

/** Changes: sometimes none. */
export const alterations: fc.Arbitrary<readonly Alteration[]> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Alteration[]>([]) },
  {
    weight: 2,
    arbitrary: fc.array(alteration, { minLength: 1, maxLength: 2 }),
  },
);

/** A request as it is on its way. */
export interface Parts {
  readonly request: Pick<Request, "method" | "url" | "headers">;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** Changes a request; what can be no request stays as it was. */
export function alterRequest(
  parts: Parts,
  { what, name, to, edit }: Alteration,
): Parts {
  const { request: { method, url, headers }, body } = parts;
  const change = (text: string) => to ?? applyEdits(text, [edit]);
  try {
    switch (what) {
      case "status":
        return parts;
      case "method":
        return {
          ...parts,
          request: {
            method: new Request(url, { method: change(method) }).method,
            url,
            headers,
          },
        };
      case "url":
        return {
          ...parts,
          request: { method, url: new Request(change(url)).url, headers },
        };
      case "body":
        return {
          ...parts,
          body: new TextEncoder().encode(
            change(new TextDecoder().decode(body)),
          ),
        };
      case "header":
        return {
          ...parts,
          request: {
            method,
            url,
            headers: alterHeaders(headers, { name, to, edit }),
          },
        };
    }
  } catch {
    return parts; // no request can be made so
  }
}

function alterHeaders(
  headers: Headers,
  { name, to, edit }: Pick<Alteration, "name" | "to" | "edit">,
): Headers {
  const changed = new Headers(headers);
  if (to === null) changed.delete(name);
  else changed.set(name, to ?? applyEdits(headers.get(name) ?? "", [edit]));
  return changed;
}

/** The answer as it comes in; the same object if nothing of it was changed. */
export function alterResponse(
  response: Response,
  { bytes }: Sent,
  changes: readonly Alteration[],
): Response {
  let { status, headers } = response;
  let body: Uint8Array<ArrayBuffer> = bytes;
  for (const { what, name, to, edit } of changes) {
    const change = (text: string) => to ?? applyEdits(text, [edit]);
    try {
      if (what === "status") status = Number(change(String(status)));
      if (what === "header") {
        headers = alterHeaders(headers, { name, to, edit });
      }
      if (what === "body") {
        body = new TextEncoder().encode(change(new TextDecoder().decode(body)));
      }
    } catch {
      // No header can hold that.
    }
  }
  const isSame = status === response.status &&
    JSON.stringify([...headers]) === JSON.stringify([...response.headers]) &&
    body.length === bytes.length && body.every((byte, i) => byte === bytes[i]);
  if (isSame) return response;
  try {
    return new Response(body.length > 0 ? body.slice() : null, {
      status,
      headers,
    });
  } catch {
    return response; // no response can be made so
  }
}
