/** What must hold in every case, each by its name, and where it is promised. */
export const INVARIANTS = {
  "a request is always answered": "Server.handle: it never throws",
  "a case ends": "SECURITY.md, a body exhausts memory or stack",
  "refusing costs no more than accepting":
    "SECURITY.md, a body exhausts memory or stack",
  "status and code are of the table": "PROTOCOL.md, Errors",
  "an answer is of its form": "PROTOCOL.md, Answer; JSON-RPC 2.0",
  "who signs is of the table": "PROTOCOL.md, Errors: signed",
  "a signed answer verifies": "PROTOCOL.md, Signing",
  "no success is unsigned": "SECURITY.md, an answer is forged or changed",
  "the first check that fails is what is answered":
    "PROTOCOL.md, Order of checks",
  "what is good is accepted": "PROTOCOL.md, Signing: any JSON that says it",
  "nothing forged is accepted": "SECURITY.md, a call is forged, or changed",
  "nothing is accepted twice": "SECURITY.md, a call is replayed",
  "a tool gets what was signed": "SECURITY.md, a call is changed on its way",
  "a tool runs for accepted calls only": "PROTOCOL.md, Order of checks",
  "a forbidden tool never runs":
    "SECURITY.md, a client calls a tool it was not given",
  "a refused call changes nothing": "PROTOCOL.md, Order of checks",
  "a call that must not repeat runs once": "PROTOCOL.md, Trying again",
  "a job starts once": "PROTOCOL.md, Idempotency",
  "a limit on jobs holds": "SECURITY.md, a client's jobs starve the others",
  "another's job reads like none":
    "SECURITY.md, a client reaches another's job",
  "a failure has a cause, logged once": "PROTOCOL.md, unavailable",
  "a stranger writes no stack trace": "SECURITY.md, a body exhausts memory",
  "texts are well formed": "RFC 8785 section 3.2.2.2, RFC 7493 section 2.1",
  "texts are bounded": "PROTOCOL.md, Errors: a sentence",
  "no secret is told":
    "SECURITY.md, secrets leak through logs, errors, answers",
  "a refused answer is never believed":
    "SECURITY.md, an answer is forged or changed",
  "a good answer is believed": "PROTOCOL.md, Signing",
  "an error is of the documented kind": "ErrorCode, KvConnectError",
  "a result that is not JSON fails, once":
    "PROTOCOL.md, tool_failed; JobContext.step",
  "a token stays where it belongs": "connectKv: sent to url alone",
  "two readers agree": "RFC 9651, RFC 9421",
  "nothing is left unhandled": "Server.handle: it never throws",
} as const;

export type Invariant = keyof typeof INVARIANTS;

/** Thrown by a case in which something does not hold. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly invariant: Invariant;
  /** What was seen: up to the first colon the same for every case of a fault. */
  readonly seen: string;

  constructor(invariant: Invariant, seen: string, cause?: unknown) {
    super(`${invariant}: ${seen}`, { cause });
    this.invariant = invariant;
    this.seen = seen;
  }

  /** Two violations with one key are taken for one fault. */
  get key(): string {
    const [seen] = this.seen.split(":", 1);
    return `${this.invariant}: ${seen.slice(0, 100).toWellFormed()}`;
  }
}

/** @throws {Violation} Unless `holds`. */
export function must(
  holds: boolean,
  invariant: Invariant,
  seen: string | (() => string),
): asserts holds {
  if (holds) return;
  throw new Violation(invariant, typeof seen === "string" ? seen : seen());
}

/** A value as a short line, for a violation. */
export function brief(value: unknown, most = 200): string {
  const text = typeof value === "string"
    ? value
    : Deno.inspect(value, { depth: 4, breakLength: Infinity });
  return text.length > most ? `${text.slice(0, most).toWellFormed()}…` : text;
}
