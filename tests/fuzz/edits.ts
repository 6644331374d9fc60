/** Changes of texts and of bytes. */
import fc from "npm:fast-check@4.10.2";
import { text } from "./texts.ts";

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
