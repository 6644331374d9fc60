/** Bodies and headers of the Model Context Protocol, good and bad. */
import fc from "npm:fast-check@4.10.2";
import { byteEdits, edits } from "./edits.ts";
import {
  jsonText,
  largeText,
  numberText,
  objectText,
  space,
} from "./json_texts.ts";
import { id, literal, stringText, text } from "./texts.ts";

import {
  LEGACY,
  type McpDraft,
  MODERN,
  PARAMS,
  type RpcDraft,
} from "./mcp_draft.ts";

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
