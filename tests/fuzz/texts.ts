/** Texts that break things, and ways to write them in JSON. */
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

/** How much of a text is escaped. */
export const how: fc.Arbitrary<"plain" | "all" | "some"> = fc.constantFrom<
  "plain" | "all" | "some"
>("plain", "all", "some");

/** A JSON string. */
export const stringText: fc.Arbitrary<string> = fc.tuple(text, how).map(
  ([value, how]) => literal(value, how),
);
