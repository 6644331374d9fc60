/** Answers of KV Connect as they should not be. */
import fc from "npm:fast-check@4.10.2";
import {
  applyByteEdits,
  applyEdits,
  type ByteEdit,
  byteEdits,
  type Edit,
  edits,
} from "./edits.ts";
import { jsonText } from "./json_texts.ts";

export interface KvCase {
  readonly ask: "get" | "getMany" | "list" | "commit";
  /** Members of the metadata, set to other JSON texts. */
  readonly metadata: readonly { readonly set: string; readonly to: string }[];
  readonly metadataEdits: readonly Edit[];
  readonly status: number;
  readonly bytes: readonly ByteEdit[];
  /** Bytes put in somewhere, so many times. */
  readonly insert: {
    readonly at: number;
    readonly hex: string;
    readonly times: number;
  };
  /** Keys whose bytes are exchanged for others in the answer. */
  readonly rename: boolean;
}

export const kvCases: fc.Arbitrary<KvCase> = fc.record({
  ask: fc.constantFrom("get", "getMany", "list", "commit"),
  metadata: fc.oneof(
    { weight: 4, arbitrary: fc.constant<never[]>([]) },
    {
      weight: 1,
      arbitrary: fc.array(
        fc.record({
          set: fc.constantFrom(
            "version",
            "databaseId",
            "endpoints",
            "token",
            "expiresAt",
          ),
          to: fc.oneof(
            jsonText,
            fc.constantFrom(
              '[{"url":"http://evil.example/","consistency":"strong"}]',
              '[{"url":"https://evil.example/","consistency":"strong"}]',
              '[{"url":"https://u:p@evil.example/","consistency":"strong"}]',
              '[{"url":"//evil.example/","consistency":"strong"}]',
              '[{"url":"javascript:1","consistency":"strong"}]',
              '[{"url":"file:///etc","consistency":"strong"}]',
              '[null,{"url":5,"consistency":"strong"}]',
              '"1970-01-01T00:00:00Z"',
              '"x\\r\\ny: z"',
              "9e99",
            ),
          ),
        }),
        { minLength: 1, maxLength: 2 },
      ),
    },
  ),
  metadataEdits: fc.oneof(
    { weight: 5, arbitrary: fc.constant<never[]>([]) },
    { weight: 1, arbitrary: edits },
  ),
  status: fc.oneof(
    { weight: 12, arbitrary: fc.constant(200) },
    { weight: 1, arbitrary: fc.constantFrom(302, 401, 403, 404, 429, 500) },
  ),
  bytes: byteEdits,
  insert: fc.record({
    at: fc.nat({ max: 1000 }),
    hex: fc.oneof(
      fc.constantFrom(
        "",
        "0a00",
        "0a020a00",
        "1001",
        "4002",
        "ffffffffffffffffff01",
        "ffffffffffffffffffffff",
        "0aff01",
        "0b",
        "0d00000000",
        "0900",
      ),
      fc.uint8Array({ maxLength: 6 }).map((bytes) => bytes.toHex()),
    ),
    times: fc.oneof(
      { weight: 20, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.constantFrom(100, 10_000) },
    ),
  }),
  rename: fc.oneof(
    { weight: 8, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
});

/** The metadata as it comes in. */
export function alterMetadata(
  text: string,
  { metadata, metadataEdits }: KvCase,
): Uint8Array<ArrayBuffer> {
  const members = new Map<string, string>(
    Object.entries(JSON.parse(text)).map((
      [name, value],
    ) => [name, JSON.stringify(value)]),
  );
  for (const { set, to } of metadata) members.set(set, to);
  const json = Array.from(members, ([name, value]) => `"${name}":${value}`);
  return new TextEncoder().encode(
    applyEdits(`{${json.join()}}`, metadataEdits),
  );
}

/** An answer of the data path as it comes in. */
export function alterData(
  original: Uint8Array<ArrayBuffer>,
  { bytes, insert, rename }: KvCase,
): Uint8Array<ArrayBuffer> {
  const altered = applyByteEdits(original.slice(), bytes);
  if (rename) { // "a" and "b" become "z", in packed keys alone
    for (let i = 2; i < altered.length; i++) {
      const isKey = altered[i - 1] === 2 && [97, 98].includes(altered[i]);
      if (isKey) altered[i] = 122;
    }
  }
  if (insert.hex === "") return altered;
  const at = Math.floor(altered.length * insert.at / 1000);
  const inserted = Uint8Array.fromHex(insert.hex.repeat(insert.times));
  const all = new Uint8Array(altered.length + inserted.length);
  all.set(altered.subarray(0, at));
  all.set(inserted, at);
  all.set(altered.subarray(at), at + inserted.length);
  return all;
}
