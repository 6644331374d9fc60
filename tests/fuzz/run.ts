/** Generates cases, runs them, and makes those that fail small. */
import fc from "npm:fast-check@4.10.2";
import { patience } from "./patience.ts";
import { Violation } from "./violation.ts";

/** A family of cases: plain data, and what must hold of each. */
export interface Kind<Case = unknown> {
  readonly name: string;
  readonly cases: fc.Arbitrary<Case>;
  /** Share of the time, beside the others. Defaults to 1. */
  readonly weight?: number;
  /** Makes what cases are run against. */
  open(): Promise<Subject<Case>>;
}

/** What cases are run against; one knows nothing of the case before it. */
export interface Subject<Case = unknown> {
  /** @throws {Violation} */
  check(value: Case): Promise<void>;
  close(): Promise<void>;
}

/** A fault, as it was first seen. */
export interface Finding {
  readonly kind: string;
  readonly seed: number;
  /** Number of the first case that showed it. */
  readonly number: number;
  readonly key: string;
  readonly message: string;
  /** The smallest case that shows it, as `Deno.inspect` cannot spoil it. */
  readonly minimal: unknown;
  /** Whether it shows in a case by itself. */
  readonly alone: boolean;
  /** Cases that showed it. */
  count: number;
}

export interface RunOptions {
  readonly seed: number;
  /** Milliseconds. */
  readonly forMs: number;
  readonly cases: number;
  /** Number of the first case. */
  readonly from?: number;
  /** Keys of faults that are known: they need not be made small. */
  readonly known?: ReadonlySet<string>;
  /** Milliseconds that making one finding small may take. */
  readonly shrinkMs?: number;
  onFinding?(finding: Finding): void;
}

export interface Report {
  readonly kind: string;
  readonly cases: number;
  readonly findings: readonly Finding[];
}

const CASE_MS = 10_000;

/** The seed of one case: any case can be made without those before it. */
export function seedOf(seed: number, kind: string, number: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const char of `${kind} ${number}`) {
    hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash | 0;
}

/** The case of a number. */
export function caseOf<Case>(
  { cases, name }: Pick<Kind<Case>, "cases" | "name">,
  seed: number,
  number: number,
): Case {
  return fc.sample(cases, { seed: seedOf(seed, name, number), numRuns: 1 })[0];
}

/** Runs one case; what did not hold, if anything. */
export async function runCase<Case>(
  subject: Subject<Case>,
  value: Case,
): Promise<Violation | undefined> {
  const rejected: unknown[] = [];
  const listen = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    rejected.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", listen);
  const { over, stop } = patience(CASE_MS);
  try {
    const late = over.then(() => {
      throw new Violation("a case ends", `not in ${CASE_MS} ms`);
    });
    await Promise.race([subject.check(value), late]);
    if (rejected.length === 0) return undefined;
    const [first] = rejected;
    return new Violation("nothing is left unhandled", String(first), first);
  } catch (error) {
    if (error instanceof Violation) return error;
    const seen = `the case itself threw ${error}`;
    return new Violation("an error is of the documented kind", seen, error);
  } finally {
    stop();
    globalThis.removeEventListener("unhandledrejection", listen);
  }
}

/** Runs cases of a kind until time or number is up. */
export async function runKind<Case>(
  kind: Kind<Case>,
  options: RunOptions,
): Promise<Report> {
  const { seed, forMs, cases, from = 0 } = options;
  const until = performance.now() + forMs;
  const found = new Map<string, Finding>();
  let subject = await kind.open();
  let number = from;
  for (; number < from + cases && performance.now() < until; number++) {
    const violation = await runCase(subject, caseOf(kind, seed, number));
    if (violation === undefined) continue;
    const known = found.get(violation.key);
    if (known) {
      known.count++;
      continue;
    }
    await subject.close(); // it may be what is broken
    const finding = await minimize(kind, options, number, violation);
    found.set(finding.key, finding);
    options.onFinding?.(finding);
    subject = await kind.open();
  }
  await subject.close();
  return {
    kind: kind.name,
    cases: number - from,
    findings: [...found.values()],
  };
}

async function minimize<Case>(
  kind: Kind<Case>,
  { seed, known, shrinkMs = 5000 }: RunOptions,
  number: number,
  violation: Violation,
): Promise<Finding> {
  const { key } = violation;
  const first = { kind: kind.name, seed, number, key, count: 1 };
  if (known?.has(`${kind.name}: ${key}`)) {
    const minimal = caseOf(kind, seed, number);
    return { ...first, message: violation.message, minimal, alone: false };
  }
  let subject = await kind.open();
  let message = violation.message;
  const fails = fc.asyncProperty(kind.cases, async (value) => {
    const again = await runCase(subject, value);
    if (again === undefined) return;
    if (again.invariant === "a case ends") {
      await subject.close();
      subject = await kind.open();
    }
    if (again.key !== key) return;
    message = again.message;
    throw again;
  });
  const { failed, counterexample } = await fc.check(fails, {
    seed: seedOf(seed, kind.name, number),
    numRuns: 1,
    interruptAfterTimeLimit: shrinkMs,
    markInterruptAsFailure: true,
  });
  await subject.close();
  const alone = failed && counterexample !== null;
  const minimal = alone ? counterexample[0] : caseOf(kind, seed, number);
  return { ...first, message, minimal, alone };
}
