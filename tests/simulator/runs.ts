/** What tools' own code tells the ledger: that a run, or a step's body, begins. */
import type { JobFacts } from "./job_facts.ts";
import type { Ledger } from "./ledger.ts";
import type { Mix } from "./mix.ts";
import type { Process } from "./process.ts";
import { tagOf } from "./records.ts";
import type { World } from "./world.ts";

/** One run of a tool, for one attempt of a job. */
export interface Run {
  readonly facts: JobFacts;
  readonly process: Process;
  readonly signal: AbortSignal;
  /** Which lease it runs under: the first, the second. */
  readonly claim: number;
  isOver: boolean;
}

/** Takes down what runs do. */
export interface RunBook {
  /** A tool begins. */
  begin(process: Process, facts: JobFacts, signal: AbortSignal): Run;
  /** A tool returned or threw. */
  end(run: Run): void;
  /** A step's body begins; the mark of its value. */
  beginBody(run: Run, step: string, key: string | undefined): string;
  endBody(run: Run, step: string): void;
  /** Counts something that only happens so many times in a job's life. */
  count(run: Run, name: string): number;
  /** A run kills its process. */
  kill(run: Run): void;
  /** A branch that nobody awaits still runs. */
  seeStray(run: Run): void;
}

/** What the book is kept with. */
interface Parts {
  readonly world: World;
  readonly mix: Mix;
  readonly jobs: Ledger["jobs"];
  /** Runs that have neither returned nor thrown. */
  readonly open: Set<Run>;
  /** The run whose body of a step runs, by job and step. */
  readonly bodies: Map<string, Run>;
}

/** Opens the book of all runs. */
export function openRunBook(
  world: World,
  mix: Mix,
  { jobs }: Pick<Ledger, "jobs">,
): RunBook {
  const parts: Parts = { world, mix, jobs, open: new Set(), bodies: new Map() };
  return {
    count,
    kill: (run) => killProcess(parts, run),
    begin: (process, facts, signal) => {
      const { claims: claim } = facts;
      const run = { facts, process, signal, claim, isOver: false };
      beginRun(parts, run);
      return run;
    },
    end(run) {
      run.isOver = true;
      parts.open.delete(run);
    },
    beginBody: (run, step, key) => beginBody(parts, run, step, key),
    endBody(run, step) {
      const name = `${run.facts.id} ${step}`;
      if (parts.bodies.get(name) === run) parts.bodies.delete(name);
    },
    seeStray: (run) => seeStray(parts, run),
  };
}

function blame(
  { world, mix }: Parts,
  violation: string,
  { facts: { requestId }, process }: Run,
  step = "",
): void {
  if (mix.kind === "beyond") return;
  world.blame(violation, `${process.name} ${requestId} ${step}`);
}

function count({ facts: { begun } }: Run, name: string): number {
  const next = (begun.get(name) ?? 0) + 1;
  begun.set(name, next);
  return next;
}

function beginRun(parts: Parts, run: Run): void {
  const { world, open } = parts;
  const { process, facts } = run;
  const times = count(run, "run");
  world.note(`${process.name} runs ${facts.requestId}, time ${times}`);
  if (times > 1) world.reach("a job was run again");
  if (times > 2) world.reach("a job was run a third time");
  checkHold(parts, run, "a tool");
  if (facts.holder !== process && facts.endedAt === undefined) {
    blame(parts, "a tool began without its lease", run);
  }
  open.add(run);
  checkLimits(parts, run);
}

function beginBody(
  parts: Parts,
  run: Run,
  step: string,
  key: string | undefined,
): string {
  const { world, bodies } = parts;
  const { facts, process } = run;
  const name = `${facts.id} ${step}`;
  const times = count(run, step);
  world.note(`${process.name} begins ${facts.requestId} ${step}`);
  if (times > 1) world.reach("a body was begun again");
  if (facts.kept.has(step)) {
    blame(parts, "a kept step's body began again", run, step);
  } else checkHold(parts, run, "a step", step);
  const beside = bodies.get(name);
  if (
    beside && beside !== run && beside.process === process &&
    !beside.signal.aborted
  ) blame(parts, "a step ran beside itself in one process", run, step);
  bodies.set(name, run);
  checkKey(parts, run, step, key);
  return tagOf(step, times);
}

/** What nobody may begin: whoever knows that its lease is gone. */
function checkHold(parts: Parts, run: Run, what: string, step = ""): void {
  const { facts, claim } = run;
  const { endedAt, record } = facts;
  if (claim !== facts.claims) {
    blame(parts, `${what} began after its lease was taken over`, run, step);
  } else if (endedAt === undefined) return;
  else if (record.status !== "cancelled") {
    blame(parts, `${what} began after its job had ended`, run, step);
  } else if (parts.world.now() > endedAt + parts.mix.leaseMs) {
    blame(parts, `${what} began long after its job was cancelled`, run, step);
  }
}

/** A slot is taken for as long as a tool runs, and its job is not given up. */
function runningOn({ open }: Parts, process: Process): Run[] {
  return [...open].filter((run) =>
    run.process === process && !run.signal.aborted &&
    run.facts.claims === run.claim && run.facts.suspendedAt === undefined
  );
}

function checkLimits(parts: Parts, begun: Run): void {
  const { process, facts: { clientId } } = begun;
  const { concurrency, maxRunning, sliceMs, jumps } = parts.mix;
  // A slice goes by the wall clock: set forward, it gives the slot back early.
  if (sliceMs < Infinity && jumps > 0) return;
  const running = runningOn(parts, process);
  if (running.length > concurrency) {
    blame(parts, "an instance runs more jobs than it may", begun);
  }
  const own = running.filter(({ facts }) => facts.clientId === clientId);
  if (own.length > maxRunning) {
    blame(parts, "an instance runs more jobs of a client than it may", begun);
  }
}

function checkKey(
  parts: Parts,
  run: Run,
  step: string,
  key: string | undefined,
): void {
  if (key === undefined) return;
  const { keys } = run.facts;
  if ((keys.get(step) ?? key) !== key) {
    blame(parts, "a step was given another key", run, step);
  }
  keys.set(step, key);
  for (const facts of parts.jobs.values()) {
    for (const [name, other] of facts.keys) {
      if (other !== key || (facts === run.facts && name === step)) continue;
      blame(parts, "two steps were given one key", run, step);
    }
  }
}

function killProcess(parts: Parts, run: Run): void {
  const { process, facts } = run;
  const others = runningOn(parts, process).length - 1;
  if (facts.hasKilled && others > 0) {
    const violation = "a job took others along, though it had killed before";
    blame(parts, violation, run);
  }
  facts.hasKilled = true;
  process.kill();
}

function seeStray(parts: Parts, run: Run): void {
  const { facts, signal, claim } = run;
  const { suspendedAt } = facts;
  if (signal.aborted || claim !== facts.claims || suspendedAt === undefined) {
    return;
  }
  if (parts.world.now() > suspendedAt + parts.mix.leaseMs) {
    blame(parts, "a branch ran on after its job was given up", run);
  }
}
