/** Bodies and headers of the Model Context Protocol, as plain data. */
import {
  applyByteEdits,
  applyEdits,
  type ByteEdit,
  type Edit,
} from "./edits.ts";
import { spread } from "./json_texts.ts";
import { literal } from "./texts.ts";

export const MODERN = "2026-07-28";
export const LEGACY = ["2025-11-25", "2025-06-18", "2025-03-26"];
const META = "io.modelcontextprotocol/";

/** One message of a body: JSON texts by member. */
export interface RpcDraft {
  readonly method: string;
  /** JSON text of the id; `undefined` for a notification. */
  readonly id: string | undefined;
  /** JSON texts of the parameters. */
  readonly params: Readonly<Record<string, string>>;
  /** Members set to other texts, or added. */
  readonly changes: readonly { readonly set: string; readonly to: string }[];
}

export interface McpDraft {
  /** The revision that it is written in. */
  readonly revision: string;
  readonly messages: readonly RpcDraft[];
  readonly batch: boolean;
  /** Headers set to something else, or with `null` left out. */
  readonly headers: readonly {
    readonly name: string;
    readonly value: string | null;
  }[];
  readonly space: string;
  readonly edits: readonly Edit[];
  readonly bytes: readonly ByteEdit[];
}

/** The members that go into `params`. */
export const PARAMS = [
  "name",
  "arguments",
  "_meta",
  "cursor",
  "inputResponses",
  "requestState",
  "extra",
  "__proto__",
];

export interface McpParts {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Headers;
}

/** The request that a draft comes to. */
export function writeMcp(draft: McpDraft): McpParts {
  const { revision, messages, batch, space, edits, bytes } = draft;
  const texts = messages.map((one) => messageText(one, revision));
  const json = batch || texts.length !== 1 ? `[${texts.join()}]` : texts[0];
  const text = applyEdits(spread(json, space), edits);
  const body = applyByteEdits(new TextEncoder().encode(text), bytes);
  return { body, headers: headersOf(draft) };
}

function messageText(
  { method, id, params, changes }: RpcDraft,
  revision: string,
): string {
  const meta = revision === MODERN
    ? {
      _meta: JSON.stringify({
        [`${META}protocolVersion`]: MODERN,
        [`${META}clientCapabilities`]: {
          elicitation: {},
          extensions: { [`${META}tasks`]: {} },
        },
        progressToken: "p",
      }),
    }
    : { _meta: '{"progressToken":"p"}' };
  const inner = new Map<string, string>(Object.entries({ ...params, ...meta }));
  const outer = new Map<string, string>([
    ["jsonrpc", '"2.0"'],
    ...id === undefined ? [] : [["id", id] as const],
    ["method", literal(method, "plain")],
  ]);
  for (const { set, to } of changes) {
    (PARAMS.includes(set) ? inner : outer).set(set, to);
  }
  if (!outer.has("params")) outer.set("params", objectOf(inner));
  return objectOf(outer);
}

function objectOf(members: ReadonlyMap<string, string>): string {
  const texts = Array.from(
    members,
    ([name, value]) => `${JSON.stringify(name)}:${value}`,
  );
  return `{${texts.join()}}`;
}

function headersOf({ revision, messages, headers }: McpDraft): Headers {
  const sent = new Headers({
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": revision,
  });
  if (revision === MODERN && messages.length === 1) {
    const [{ method, params }] = messages;
    set(sent, "mcp-method", method);
    const name = params.name ?? params.taskId;
    if (name !== undefined) set(sent, "mcp-name", JSON.parse(name));
  }
  for (const { name, value } of headers) {
    if (value === null) sent.delete(name);
    else set(sent, name, value);
  }
  return sent;
}

/** As clients do: in base64 where a header cannot carry it. */
function set(headers: Headers, name: string, value: string): void {
  if (/^[\t\x20-\xff]*$/.test(value)) return headers.set(name, value);
  const bytes = new TextEncoder().encode(value);
  headers.set(name, `=?base64?${bytes.toBase64()}?=`);
}
