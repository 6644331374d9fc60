/** Bodies and headers of the Model Context Protocol, as plain data. */
import fc from "npm:fast-check@4.10.2";
import {
  applyByteEdits,
  applyEdits,
  type ByteEdit,
  byteEdits,
  type Edit,
  edits,
  id,
  jsonText,
  largeText,
  literal,
  numberText,
  objectText,
  space,
  spread,
  stringText,
  text,
} from "./texts.ts";

export const MODERN = "2026-07-28";
const LEGACY = ["2025-11-25", "2025-06-18", "2025-03-26"];
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

const rpcId = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("1", '"a"', "0", "-7") },
  { weight: 1, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.oneof(stringText, numberText, jsonText) },
);

const taskId = fc.oneof(
  fc.constant("0123456789abcdef0123456789abcdef"),
  id,
  text,
);

const toolArgs: fc.Arbitrary<[tool: string, args: string]> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.constantFrom("take", "read"),
      jsonText.map((value) => `{"value":${value}}`),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(
      fc.constantFrom("take", "sum", "strict", "forbidden", "poll_job"),
      objectText,
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant("sum"),
      fc.array(numberText, { maxLength: 5 })
        .map((numbers) => `{"numbers":[${numbers.join()}]}`),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constant("tells"),
      fc.array(stringText, { maxLength: 3 })
        .map((words) => `{"words":[${words.join()}]}`),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constantFrom("take", "sum"),
      largeText.map((value) => `{"value":${value}}`),
    ),
  },
  { weight: 1, arbitrary: fc.tuple(id, jsonText) },
);

const call: fc.Arbitrary<Pick<RpcDraft, "method" | "params">> = toolArgs.map(
  ([name, args]) => ({
    method: "tools/call",
    params: { name: literal(name, "plain"), arguments: args },
  }),
);

const other: fc.Arbitrary<Pick<RpcDraft, "method" | "params">> = fc.oneof(
  fc.record({
    method: fc.constantFrom(
      "initialize",
      "ping",
      "tools/list",
      "server/discover",
      "notifications/initialized",
      "notifications/cancelled",
    ),
    params: fc.constantFrom<RpcDraft["params"]>(
      {},
      { protocolVersion: '"2025-06-18"' },
      { cursor: '"dGFrZQ=="' },
    ),
  }),
  fc.record({
    method: fc.constantFrom(
      "tasks/get",
      "tasks/update",
      "tasks/cancel",
      "tasks/result",
    ),
    params: taskId.map((id): RpcDraft["params"] => ({
      taskId: literal(id, "plain"),
    })),
  }),
  fc.record({
    method: fc.constant("subscriptions/listen"),
    params: fc.array(taskId, { maxLength: 2 }).map((
      ids,
    ): RpcDraft["params"] => ({
      notifications: JSON.stringify({ taskIds: ids }),
    })),
  }),
  fc.record({ method: id, params: fc.constant<RpcDraft["params"]>({}) }),
);

const PARAMS = [
  "name",
  "arguments",
  "_meta",
  "cursor",
  "inputResponses",
  "requestState",
  "extra",
  "__proto__",
];

const message: fc.Arbitrary<RpcDraft> = fc.tuple(
  fc.oneof({ weight: 3, arbitrary: call }, { weight: 1, arbitrary: other }),
  rpcId,
  fc.oneof(
    { weight: 3, arbitrary: fc.constant<never[]>([]) },
    {
      weight: 1,
      arbitrary: fc.array(
        fc.record({
          set: fc.constantFrom("jsonrpc", "method", "id", "params", ...PARAMS),
          to: jsonText,
        }),
        { minLength: 1, maxLength: 2 },
      ),
    },
  ),
).map(([what, id, changes]) => ({ ...what, id, changes }));

/** What a header can carry; anything else no client could send. */
const headerValue = fc.oneof(
  text.filter((value) => /^[\t\x20-\x7e\x80-\xff]*$/.test(value)),
  fc.constantFrom(
    "",
    MODERN,
    ...LEGACY,
    "2024-11-05",
    "tools/call",
    "tools/list",
    "take",
    "sum",
    "=?base64?dGFrZQ==?=",
    "=?base64?dGFrZQ?=",
    "=?base64?7aCA?=",
    "=?base64?????=",
    "é",
    "application/json",
    "text/event-stream",
    "*/*",
  ),
);

export const mcpDrafts: fc.Arbitrary<McpDraft> = fc.record({
  revision: fc.oneof(
    { weight: 3, arbitrary: fc.constant(MODERN) },
    { weight: 2, arbitrary: fc.constantFrom(...LEGACY) },
  ),
  messages: fc.oneof(
    { weight: 8, arbitrary: message.map((one) => [one]) },
    { weight: 1, arbitrary: fc.array(message, { maxLength: 4 }) },
  ),
  batch: fc.oneof(
    { weight: 9, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
  headers: fc.oneof(
    { weight: 2, arbitrary: fc.constant<never[]>([]) },
    {
      weight: 1,
      arbitrary: fc.array(
        fc.record({
          name: fc.constantFrom(
            "mcp-method",
            "mcp-name",
            "mcp-protocol-version",
            "mcp-param-region",
            "mcp-session-id",
            "accept",
            "content-type",
            "origin",
            "last-event-id",
          ),
          value: fc.option(headerValue),
        }),
        { minLength: 1, maxLength: 2 },
      ),
    },
  ),
  space,
  edits: fc.oneof(
    { weight: 2, arbitrary: fc.constant<never[]>([]) },
    { weight: 1, arbitrary: edits },
  ),
  bytes: byteEdits,
});

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
