/**
 * Throws hostile input at everything that reads any, for a while.
 *
 * ```sh
 * deno task fuzz --minutes 10 --seed 42
 * deno task fuzz --kind envelope --cases 1000
 * deno task fuzz --kind envelope --seed 42 --case 1234   # that one again
 * ```
 */
import { parseArgs } from "node:util";
import { KINDS } from "../tests/fuzz/kinds.ts";
import { OPEN_FAULTS } from "../tests/fuzz/open_faults.ts";
import {
  caseOf,
  type Finding,
  type Kind,
  runCase,
  runKind,
} from "../tests/fuzz/run.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    cases: { type: "string" },
    seed: { type: "string" },
    kind: { type: "string", multiple: true },
    case: { type: "string" },
    replay: { type: "boolean" },
    save: { type: "string" },
  },
});
const minutes = Number(values.minutes ?? (values.cases ? Infinity : 1));
const most = Number(values.cases ?? Infinity);
const seed = Number(values.seed ?? todaysSeed());
const kinds = KINDS.filter(({ name }) => values.kind?.includes(name) ?? true);
const wrong = [minutes, most, seed].some(Number.isNaN) || kinds.length === 0;
if (wrong) {
  console.error(`Kinds: ${KINDS.map(({ name }) => name).join(", ")}`);
  Deno.exit(2);
}

if (values.case !== undefined || values.replay) {
  Deno.exit(await replay(kinds, Number(values.case ?? 0)));
}
console.log(`fuzz: seed ${seed}`);
const findings = await fuzz();
const fresh = findings.filter((finding) => !(nameOf(finding) in OPEN_FAULTS));
for (const finding of fresh) print(finding);
Deno.exit(fresh.length > 0 ? 1 : 0);

/** A finding as the list of open faults has it. */
function nameOf({ kind, key }: Pick<Finding, "kind" | "key">): string {
  return `${kind}: ${key}`;
}

async function fuzz(): Promise<Finding[]> {
  const weights = kinds.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const all: Finding[] = [];
  let total = 0;
  for (const kind of kinds) {
    const began = performance.now();
    const report = await runKind(kind, {
      seed,
      forMs: minutes * 60_000 * (kind.weight ?? 1) / weights,
      cases: most,
      known: new Set(Object.keys(OPEN_FAULTS)),
      onFinding: (finding) => {
        const { key, number } = finding;
        const open = OPEN_FAULTS[nameOf(finding)];
        const known = open === undefined ? "" : ` (known, and open: ${open})`;
        console.log(`  found in ${kind.name} ${number}: ${key}${known}`);
      },
    });
    const seconds = (performance.now() - began) / 1000;
    total += report.cases;
    all.push(...report.findings);
    console.log(
      `${kind.name.padEnd(12)} ${String(report.cases).padStart(8)} cases ` +
        `${seconds.toFixed().padStart(5)} s ` +
        `${String(report.findings.length).padStart(3)} findings`,
    );
  }
  console.log(`fuzz: ${total} cases, ${all.length} findings, seed ${seed}`);
  if (values.save) Deno.writeTextFileSync(values.save, JSON.stringify(all));
  return all;
}

function print(finding: Finding): void {
  const { kind, number, message, minimal, alone, count } = finding;
  console.log(`\n${message.toWellFormed()}`);
  console.log(
    `  ${count} times; again: deno task fuzz --kind ${kind} --seed ` +
      `${finding.seed} --case ${number}` +
      (alone ? "" : "   (not by itself: it needs what came before)"),
  );
  const text = JSON.stringify(minimal) ?? String(minimal);
  const more = text.length > 2000 ? ` … ${text.length} characters` : "";
  console.log(`  minimal: ${text.slice(0, 2000).toWellFormed()}${more}`);
}

/** Runs single cases, and says what does not hold. */
async function replay(kinds: readonly Kind[], number: number): Promise<number> {
  let failed = 0;
  for (const kind of kinds) {
    const value = caseOf(kind, seed, number);
    const text = JSON.stringify(value) ?? String(value);
    console.log(`${kind.name} ${number}, seed ${seed}: ${text.slice(0, 4000)}`);
    const subject = await kind.open();
    const violation = await runCase(subject, value);
    await subject.close();
    console.log(violation ? `  ${violation.stack}` : "  holds");
    if (violation?.cause) console.log(violation.cause);
    if (violation) failed = 1;
  }
  return failed;
}

/** Another seed each day, the same all day. */
function todaysSeed(): number {
  return Number(new Date().toISOString().slice(0, 10).replaceAll("-", ""));
}
