/** JSON texts in every notation, size and depth. */
import fc from "npm:fast-check@4.10.2";
import { how, literal, stringText } from "./texts.ts";

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
  { weight: 40, arbitrary: fc.integer({ min: 1, max: 3000 }) },
  { weight: 6, arbitrary: fc.integer({ min: 3000, max: 60_000 }) },
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
