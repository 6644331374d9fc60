/** Texts that break things, and JSON texts written in every way there is. */
import fc from "npm:fast-check@4.10.2";

/** Places where the project cuts texts, or has reason to. */
const CUTS = [64, 128, 200, 1000];

/** A text of pieces that encoders, loggers and cutters get wrong. */
export const text: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.string({ unit: "grapheme-ascii", maxLength: 12 }),
  },
  {
    weight: 3,
    arbitrary: fc.array(
      fc.constantFrom(
        ..."aé€",
        "😀",
        "\ud83d",
        "\ude00",
        "\u2028",
        "\0",
        '"',
        "\\",
        "\ufeff",
        "\ufffd",
        "e\u0301",
        "\r\n",
        "\x1b[31m",
        "\x7f",
      ),
      { maxLength: 6 },
    ).map((pieces) => pieces.join("")),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 8 }) },
  {
    weight: 2, // an emoji about where a text is cut
    arbitrary: fc.tuple(
      fc.constantFrom(...CUTS),
      fc.integer({ min: -64, max: 4 }),
      fc.constantFrom("😀", "\ud83d", "👩‍👩‍👧"),
    ).map(([cut, off, end]) =>
      "x".repeat(Math.max(0, cut + off)) + end + "yyy"
    ),
  },
);

/** Ids, good and bad. */
export const id: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("id-1", "a", "A.b:c_d-9", "r-1") },
  { weight: 2, arbitrary: text },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "",
      "x".repeat(128),
      "x".repeat(129),
      "x".repeat(3000),
      "__proto__",
      "constructor",
      "toString",
      "a b",
      "a\n",
      "é",
    ),
  },
);

/** A text as a JSON string, escaped as little or as much as asked. */
export function literal(text: string, how: "plain" | "all" | "some"): string {
  if (how === "plain") return JSON.stringify(text);
  let written = "";
  for (let i = 0; i < text.length; i++) {
    const unit = text[i];
    const escape = how === "all" || i % 2 === 0;
    const hex = unit.charCodeAt(0).toString(16).padStart(4, "0");
    // Half of a pair cannot stand in UTF-8 beside an escape of the other.
    const isHalf = /[\ud800-\udfff]/.test(unit);
    written += escape || isHalf
      ? `\\u${hex}`
      : JSON.stringify(unit).slice(1, -1);
  }
  return `"${written}"`;
}

const how = fc.constantFrom<"plain" | "all" | "some">("plain", "all", "some");

/** A JSON string. */
export const stringText: fc.Arbitrary<string> = fc.tuple(text, how).map(
  ([value, how]) => literal(value, how),
);

/** A JSON number in any notation. */
export const numberText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.integer().map(String) },
  {
    weight: 2,
    arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)
      .filter((text) => !text.includes("+") || /^-?\d/.test(text)),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer({ min: 0, max: 20 }),
    ).map(([value, digits]) => value.toExponential(digits)),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "-0",
      "0.0",
      "-0.0",
      "1.0",
      "1e-05",
      "1E5",
      "1e+5",
      "100e-2",
      "1e400",
      "-1e400",
      "5e-325",
      "9007199254740991",
      "9007199254740992",
      "9007199254740993",
      "1234567890123456789",
      "18446744073709551616",
      "1e21",
      "1e23",
      "0.1000000000000000055511151231257827",
      "00",
      "1.",
      ".5",
      "+1",
      "0x10",
      "NaN",
      "Infinity",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  },
);

const word = fc.constantFrom("null", "true", "false");
const NAMES = ["value", "numbers", "a", "b", "aa", "é", "😀", "\u{ffff}", "10"];
const ODD_NAMES = [
  "",
  "__proto__",
  "constructor",
  "toJSON",
  "9",
  "\n",
  "\\",
  '"',
  "\t",
  "then",
  "\ud800",
];

/** Members that mostly differ in their names. */
function membersOf(
  value: fc.Arbitrary<string>,
  most: number,
): fc.Arbitrary<string> {
  const named = fc.array(
    fc.tuple(
      fc.nat({ max: NAMES.length - 1 }),
      fc.option(fc.constantFrom(...ODD_NAMES), { freq: 9 }),
      how,
      value,
    ),
    { maxLength: most },
  );
  return fc.tuple(named, fc.boolean()).map(([members, mayRepeat]) => {
    const names = new Set<string>();
    const texts: string[] = [];
    for (const [at, odd, how, value] of members) {
      const name = odd ?? NAMES[at];
      if (names.has(name) && !mayRepeat) continue;
      names.add(name);
      texts.push(`${literal(name, how)}:${value}`);
    }
    return `{${texts.join()}}`;
  });
}

/** A JSON text of no great size. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>(
  (tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthSize: "small", withCrossShrink: true },
      { weight: 2, arbitrary: word },
      { weight: 4, arbitrary: numberText },
      { weight: 4, arbitrary: stringText },
      {
        weight: 2,
        arbitrary: fc.array(tie("value"), { maxLength: 4 })
          .map((items) => `[${items.join()}]`),
      },
      { weight: 3, arbitrary: membersOf(tie("value"), 4) },
    ),
  }),
).value;

/** An object, so that it may stand for arguments. */
export const objectText: fc.Arbitrary<string> = membersOf(jsonText, 3);

/** How large the large ones are: seldom a megabyte. */
const size = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 1, max: 3000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 3000, max: 60_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(200_000, 500_000, 1_000_000) },
);

/** A JSON text that is long, wide or deep. */
export const largeText: fc.Arbitrary<string> = fc.tuple(
  fc.constantFrom(
    "numbers",
    "texts",
    "members",
    "deep",
    "deep objects",
    "long",
    "many deep",
    "escapes",
    "digits",
    "edge",
  ),
  size,
).map(([shape, bytes]) => large(shape, bytes));

function large(shape: string, bytes: number): string {
  const times = (each: number) => Math.max(1, Math.floor(bytes / each));
  const repeat = (item: string) => Array(times(item.length + 1)).fill(item);
  switch (shape) {
    case "numbers":
      return `[${repeat("0").join()}]`;
    case "texts":
      return `[${repeat('"😀"').join()}]`;
    case "members":
      return `{${
        Array.from({ length: times(8) }, (_, i) => `"${i}":0`).join()
      }}`;
    case "deep":
      return "[".repeat(times(2)) + "]".repeat(times(2));
    case "deep objects":
      return '{"a":'.repeat(times(6)) + "0" + "}".repeat(times(6));
    case "long":
      return `"${"x".repeat(bytes)}😀"`;
    case "many deep": {
      const deep = "[".repeat(60) + "]".repeat(60);
      return `[${Array(times(121)).fill(deep).join()}]`;
    }
    case "escapes":
      return `"${"\\u0061".repeat(times(6))}"`;
    case "digits":
      return "1".repeat(times(1));
    default: { // about as deep as may be
      const depth = 58 + bytes % 10;
      return "[".repeat(depth) + "]".repeat(depth);
    }
  }
}

/** A text with white space after its commas and colons, where that is safe. */
export function spread(json: string, space: string): string {
  if (space === "") return json;
  return json.replace(
    /"(?:[^"\\]|\\.)*"|[,:[\]{}]/gs,
    (token) => token[0] === '"' ? token : `${space}${token}${space}`,
  );
}

export const space: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: fc.constantFrom(" ", "\n", "\t\r\n ") },
);

/** A change of a text: something taken out, something put in. */
export interface Edit {
  /** Where, in thousandths. */
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

export const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.integer({ min: 0, max: 1000 }),
  remove: fc.constantFrom(0, 1, 2, 8, 64),
  insert: fc.oneof(
    fc.constantFrom(
      "",
      "0",
      "1",
      "x",
      '"',
      ",",
      "}",
      "]",
      "{",
      "[",
      "\\",
      " ",
      "\\u0061",
      "\\ud800",
      "-",
      "e5",
      '"a":1,',
      ',"a":1',
      "\ufeff",
    ),
    text,
  ),
});

/** Edits: mostly none. */
export const edits: fc.Arbitrary<readonly Edit[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<never[]>([]) },
  { weight: 2, arbitrary: fc.array(edit, { minLength: 1, maxLength: 3 }) },
);

export function applyEdits(text: string, edits: readonly Edit[]): string {
  return edits.reduce((text, { at, remove, insert }) => {
    const from = Math.floor(text.length * at / 1000);
    return text.slice(0, from) + insert + text.slice(from + remove);
  }, text);
}

/** A change of bytes. */
export interface ByteEdit {
  readonly at: number;
  readonly byte: number;
}

export const byteEdits: fc.Arbitrary<readonly ByteEdit[]> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<never[]>([]) },
  {
    weight: 1,
    arbitrary: fc.array(
      fc.record({
        at: fc.integer({ min: 0, max: 1000 }),
        byte: fc.integer({ min: 0, max: 255 }),
      }),
      { minLength: 1, maxLength: 2 },
    ),
  },
);

export function applyByteEdits(
  bytes: Uint8Array<ArrayBuffer>,
  edits: readonly ByteEdit[],
): Uint8Array<ArrayBuffer> {
  for (const { at, byte } of edits) {
    bytes[Math.min(bytes.length - 1, Math.floor(bytes.length * at / 1000))] =
      byte;
  }
  return bytes;
}
