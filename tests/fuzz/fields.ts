/** Structured fields and signatures, beside another reader of RFC 9651. */
import fc from "npm:fast-check@4.10.2";
import {
  isInnerList,
  type Item,
  parseDictionary as parseOther,
  Token,
} from "npm:structured-headers@2.1.0";
import {
  matchesDigest,
  readSignature,
  SignatureError,
} from "../../src/signatures/mod.ts";
import {
  parseBytes,
  parseDictionary,
  parseInnerList,
} from "../../src/signatures/structured_fields.ts";
import { NOW } from "./observed_server.ts";
import { leastMs } from "./cost.ts";
import type { Kind } from "./run.ts";
import { applyEdits, type Edit, edits } from "./edits.ts";
import { text } from "./texts.ts";
import { brief, must } from "./violation.ts";

interface FieldCase {
  readonly members: readonly string[];
  readonly separator: string;
  readonly edits: readonly Edit[];
  readonly signature: string;
  /** How often the whole is repeated. */
  readonly times: number;
}

const key = fc.constantFrom(
  "a",
  "b",
  "sig",
  "sha-256",
  "*",
  "x_y.z-1",
  "A",
  "",
);
const bare = fc.oneof(
  fc.constantFrom(
    '"x"',
    '""',
    '"a\\"b\\\\"',
    '"é"',
    "1",
    "-0",
    "999999999999999",
    "1000000000000000",
    "1.5",
    "?0",
    "?1",
    "?2",
    "tok/en",
    ":aGk=:",
    "::",
    ":a:",
    ":a=b:",
    "@1659578233",
    '%"f%c3%bc"',
    "--1",
    "",
  ),
  fc.integer({ min: -(10 ** 15), max: 10 ** 15 }).map(String),
  text.map((text) => `"${text.replace(/["\\]/g, "\\$&")}"`),
  fc.uint8Array({ maxLength: 5 }).map((bytes) => `:${bytes.toBase64()}:`),
);
const params = fc.array(
  fc.tuple(
    fc.constantFrom("created", "expires", "keyid", "alg", "nonce", "tag", "x"),
    fc.option(bare),
    fc.constantFrom("", " "),
  ).map(([key, value, space]) =>
    `;${space}${key}${value === null ? "" : `=${value}`}`
  ),
  { maxLength: 4 },
).map((all) => all.join(""));
const item = fc.tuple(bare, params).map((parts) => parts.join(""));
const component = fc.constantFrom(
  '"@method"',
  '"@authority"',
  '"@path"',
  '"@query";req',
  '"@target-uri"',
  '"@status"',
  '"content-type"',
  '"Content-Type"',
  '"content-type";sf',
  '"x"',
);
const list = fc.tuple(
  fc.array(fc.oneof(component, item), { maxLength: 4 }),
  fc.constantFrom(" ", "  ", "", "\t"),
  params,
).map(([items, space, params]) => `(${items.join(space)})${params}`);
const member = fc.tuple(key, fc.option(fc.oneof(item, list))).map((
  [key, value],
) => value === null ? key : `${key}=${value}`);

export const fields: Kind<FieldCase> = {
  name: "fields",
  cases: fc.record({
    members: fc.array(member, { maxLength: 4 }),
    separator: fc.constantFrom(", ", ",", " ,\t", ";", " "),
    edits,
    signature: fc.oneof(
      fc.constantFrom("sig=:aGk=:", "sig=:aGk:", "a=:aGk=:, b=:aGk=:", ""),
      text,
    ),
    times: fc.oneof(
      { weight: 40, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.constantFrom(50, 500) },
    ),
  }),
  open: () =>
    Promise.resolve({
      check: checkFields,
      close: () => Promise.resolve(),
    }),
};

async function checkFields(value: FieldCase): Promise<void> {
  const { members, separator, edits, signature, times } = value;
  const field = applyEdits(
    Array(times).fill(members.join(separator)).join(separator),
    edits,
  );
  const allowed = 50 + field.length / 100;
  const ms = await leastMs(async () => {
    checkReaders(field);
    checkSignatureReader(field, signature);
    await checkDigestReader(field);
  }, allowed);
  must(
    ms <= allowed,
    "refusing costs no more than accepting",
    () => `too much: ${field.length} characters took ${ms.toFixed()} ms`,
  );
}

/** What is read here is read alike there; what is refused may be read there. */
function checkReaders(field: string): void {
  const ours = tryTo(() => parseDictionary(field));
  const theirs = tryTo(() => parseOther(field));
  if (ours === undefined) return;
  if (theirs === undefined) {
    // Bytes are read when they are used, decimals and display strings never;
    // dates that something follows are refused there, against section 4.2.9.
    const isLetStand = /@|%"|\d{13,}\./.test(field) || holdsBadBase64(field);
    if (isLetStand) return;
  }
  must(
    theirs !== undefined,
    "two readers agree",
    () => `only here it is a dictionary: ${brief(field)}`,
  );
  must(
    ours.size === theirs.size,
    "two readers agree",
    () => `the number of members differs: ${brief(field)}`,
  );
  for (const [name, raw] of ours) {
    const member = theirs.get(name);
    must(
      member !== undefined,
      "two readers agree",
      () => `no ${name}: ${field}`,
    );
    if (!isInnerList(member)) {
      must(
        !raw.startsWith("("),
        "two readers agree",
        () => `a list is none there: ${brief(field)}`,
      );
      const bytes = tryTo(() => parseBytes(raw));
      if (bytes === undefined) continue;
      const other = (member as Item)[0];
      must(
        other instanceof ArrayBuffer &&
          new Uint8Array(other).toBase64() === bytes.toBase64(),
        "two readers agree",
        () => `other bytes: ${brief(field)}`,
      );
      continue;
    }
    const read = tryTo(() => parseInnerList(raw));
    if (read === undefined) continue;
    const [items, params] = member;
    must(
      read.items.length === items.length && read.params.size === params.size,
      "two readers agree",
      () => `another list: ${brief(raw)}`,
    );
    for (const [param, text] of read.params) {
      const other = params.get(param);
      const same = typeof other === "number"
        ? Number(text) === other
        : typeof other === "string" || typeof other === "boolean"
        ? text === literalOf(other)
        : !(other instanceof Token) || text === other.toString();
      must(same, "two readers agree", () => `another ${param}: ${brief(raw)}`);
    }
  }
}

function holdsBadBase64(field: string): boolean {
  const found = field.match(/:[\w+/]*={0,2}:/g) ?? [];
  return found.some((bytes) => {
    try {
      return atob(bytes.slice(1, -1)) === undefined;
    } catch {
      return true;
    }
  });
}

function literalOf(value: string | boolean): string {
  return typeof value === "boolean"
    ? `?${Number(value)}`
    : JSON.stringify(value);
}

function checkSignatureReader(field: string, signature: string): void {
  const headers = new Headers();
  try {
    headers.set("signature-input", field);
    headers.set("signature", signature);
  } catch {
    return; // no header can hold that
  }
  const request = { method: "POST", url: "http://localhost/", headers };
  const read = tryTo(() =>
    readSignature({ request }, {
      tag: undefined,
      components: ["@method"],
      params: [],
      maxAge: 60,
      skew: 5,
      nowSeconds: NOW / 1000,
    })
  );
  if (read === undefined) return;
  must(
    read.components.includes("@method") && read.params.keyid !== undefined &&
      Number.isSafeInteger(read.params.created),
    "nothing forged is accepted",
    () => `a signature that lacks what it must have: ${brief(field)}`,
  );
}

async function checkDigestReader(field: string): Promise<void> {
  const content = new TextEncoder().encode("hi");
  try {
    await matchesDigest(field, content);
  } catch (error) {
    must(
      error instanceof SyntaxError,
      "an error is of the documented kind",
      () => `matchesDigest throws a ${error}`,
    );
  }
}

function tryTo<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    must(
      error instanceof SyntaxError || error instanceof SignatureError ||
        isParseError(error),
      "an error is of the documented kind",
      () => `a reader throws a ${error}`,
    );
    return undefined;
  }
}

/** What the other reader throws. */
function isParseError(error: unknown): boolean {
  return error instanceof Error && error.constructor.name === "ParseError";
}
