/** An envelope as plain data: what is written, changed, signed, changed again. */
import { createHmac } from "node:crypto";
import fc from "npm:fast-check@4.10.2";
import {
  CLIENT_ID,
  OTHER_ID,
  OTHER_SECRET,
  SECRET,
  SERVER_ID,
} from "../support/parties.ts";
import { answerKey } from "./envelope_answer.ts";
import { NOW } from "./observed_server.ts";
import { canonicalOf, readText } from "./strict_json.ts";
import {
  applyByteEdits,
  applyEdits,
  type ByteEdit,
  byteEdits,
  type Edit,
  edits,
} from "./edits.ts";
import {
  jsonText,
  largeText,
  numberText,
  objectText,
  space,
  spread,
} from "./json_texts.ts";
import { id, literal, stringText } from "./texts.ts";

const MEMBERS = [
  "v",
  "request_id",
  "ts_ms",
  "client_id",
  "server_id",
  "tool",
  "args",
  "nonce",
  "signature",
] as const;

type Change =
  | { readonly drop: string }
  | { readonly set: string; readonly to: string }
  | { readonly add: string; readonly to: string }
  | { readonly escape: string };

export interface Draft {
  readonly tool: string;
  /** JSON text; `undefined` for none. */
  readonly args: string | undefined;
  readonly client: string;
  readonly signer: "its secret" | "another's" | "for answers" | "nobody";
  readonly skewMs: number;
  /** Members that are moved to the front. */
  readonly order: readonly string[];
  readonly changes: readonly Change[];
  readonly space: string;
  /** Changes of the text before it is signed. */
  readonly drafted: readonly Edit[];
  /** Changes of the text after that. */
  readonly edits: readonly Edit[];
  readonly bytes: readonly ByteEdit[];
}

const member = fc.constantFrom(...MEMBERS);

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ drop: member }),
  fc.record({
    set: member,
    to: fc.oneof(jsonText, id.map((id) => literal(id, "plain"))),
  }),
  fc.record({
    add: fc.oneof(member, fc.constantFrom("extra", "__proto__", "toJSON", "0")),
    to: jsonText,
  }),
  fc.record({ escape: member }),
);

const none = fc.constant<never[]>([]);

export const draftCases: fc.Arbitrary<Draft> = fc.record({
  tool: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom("take", "read") },
    {
      weight: 4,
      arbitrary: fc.constantFrom("sum", "strict", "forbidden", "list_tools"),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "server_identity",
        "list_jobs",
        "nothing",
        "__proto__",
        "constructor",
      ),
    },
  ),
  args: fc.oneof(
    { weight: 8, arbitrary: jsonText.map((text) => `{"value":${text}}`) },
    { weight: 3, arbitrary: objectText },
    { weight: 1, arbitrary: jsonText },
    { weight: 1, arbitrary: fc.constant(undefined) },
    {
      weight: 2,
      arbitrary: fc.array(numberText, { maxLength: 5 })
        .map((numbers) => `{"numbers":[${numbers.join()}]}`),
    },
    {
      weight: 2, // for `strict`
      arbitrary: fc.tuple(
        stringText,
        fc.constantFrom("count", "tags", "kind", "place", "other"),
        jsonText,
      ).map(([name, key, value]) => `{"name":${name},"${key}":${value}}`),
    },
    { weight: 1, arbitrary: largeText.map((text) => `{"value":${text}}`) },
    { weight: 1, arbitrary: largeText.map((text) => `{"numbers":${text}}`) },
    { weight: 1, arbitrary: largeText },
  ),
  client: fc.oneof(
    { weight: 8, arbitrary: fc.constant(CLIENT_ID) },
    { weight: 2, arbitrary: fc.constantFrom(OTHER_ID, "nobody", "__proto__") },
  ),
  signer: fc.oneof(
    { weight: 8, arbitrary: fc.constant("its secret" as const) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "another's" as const,
        "for answers" as const,
        "nobody" as const,
      ),
    },
  ),
  skewMs: fc.oneof(
    { weight: 12, arbitrary: fc.constant(0) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(299_999, 300_000, 300_001, -300_000, -300_001),
    },
  ),
  order: fc.oneof(
    { weight: 2, arbitrary: none },
    { weight: 1, arbitrary: fc.shuffledSubarray([...MEMBERS]) },
  ),
  changes: fc.oneof(
    { weight: 2, arbitrary: none },
    { weight: 1, arbitrary: fc.array(change, { minLength: 1, maxLength: 3 }) },
  ),
  space,
  drafted: edits,
  edits: fc.oneof({ weight: 2, arbitrary: none }, {
    weight: 1,
    arbitrary: edits,
  }),
  bytes: byteEdits,
});

/** Its name, its text, and whether the name is escaped. */
type Member = readonly [name: string, text: string, escaped: boolean];

const UNSIGNED = "0".repeat(64);

/** The bytes that a draft comes to. */
export function write(draft: Draft): Uint8Array<ArrayBuffer> {
  const text = applyEdits(assemble(draft), draft.drafted);
  const signed = applyEdits(countersign(text, draft), draft.edits);
  return applyByteEdits(new TextEncoder().encode(signed), draft.bytes);
}

function assemble(
  { tool, args, client, skewMs, order, changes, space }: Draft,
): string {
  const values: Record<string, string> = {
    v: '"mcp/0.1"',
    request_id: '"request-1"',
    ts_ms: String(NOW + skewMs),
    client_id: JSON.stringify(client),
    server_id: JSON.stringify(SERVER_ID),
    tool: JSON.stringify(tool),
    ...args !== undefined && { args },
    nonce: '"nonce-of-sixteen-or-more"',
    signature: `"${UNSIGNED}"`,
  };
  const first = order.filter((name) => Object.hasOwn(values, name));
  const rest = Object.keys(values).filter((name) => !first.includes(name));
  let members = [...first, ...rest].map((
    name,
  ): Member => [name, values[name], false]);
  for (const change of changes) {
    if ("drop" in change) {
      members = members.filter(([name]) => name !== change.drop);
    } else if ("set" in change) {
      members = members.map((member) =>
        member[0] === change.set ? [member[0], change.to, member[2]] : member
      );
    } else if ("add" in change) {
      members = [...members, [change.add, change.to, false]];
    } else {
      members = members.map((member) =>
        member[0] === change.escape ? [member[0], member[1], true] : member
      );
    }
  }
  const texts = members.map(([name, value, escaped]) =>
    `${literal(name, escaped ? "all" : "plain")}:${value}`
  );
  return spread(`{${texts.join()}}`, space);
}

/** Puts in the signature of what the text says, whatever that has become. */
function countersign(text: string, { client, signer }: Draft): string {
  if (signer === "nobody") return text;
  const read = readText(text);
  if (!(read?.value instanceof Map) || read.problems.has("deeper than 64")) {
    return text;
  }
  const unsigned = new Map(read.value);
  unsigned.delete("signature");
  const mac = createHmac("sha256", keyOf(client, signer))
    .update(canonicalOf(unsigned)).digest("hex");
  return text.replace(UNSIGNED, mac);
}

function keyOf(client: string, signer: Draft["signer"]): string | Uint8Array {
  const own = client === OTHER_ID ? OTHER_SECRET : SECRET;
  const others = client === OTHER_ID ? SECRET : OTHER_SECRET;
  if (signer === "another's") return others;
  return signer === "for answers" ? answerKey(own) : own;
}
