/** What tools' own code tells the ledger: that a run, or a step's body, begins. */
import type { JobFacts, Ledger } from "./ledger.ts";
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

/** Opens the book of all runs. */
export function openRunBook(
  world: World,
  mix: Mix,
  ledger: Pick<Ledger, "jobs">,
): RunBook {
  const isPromised = mix.kind !== "beyond";
  const open = new Set<Run>();
  const bodies = new Map<string, Run>();

  function blame(violation: string, run: Run, step = ""): void {
    if (!isPromised) return;
    const { facts: { requestId }, process } = run;
    world.blame(violation, `${process.name} ${requestId} ${step}`);
  }

  /** What nobody may begin: whoever knows that its lease is gone. */
  function checkHold(run: Run, what: string, step = ""): void {
    const { facts, claim } = run;
    const { endedAt, record } = facts;
    if (claim !== facts.claims) {
      blame(`${what} began after its lease was taken over`, run, step);
    } else if (endedAt === undefined) return;
    else if (record.status !== "cancelled") {
      blame(`${what} began after its job had ended`, run, step);
    } else if (world.now() > endedAt + mix.leaseMs) {
      blame(`${what} began long after its job was cancelled`, run, step);
    }
  }

  function count({ facts: { begun } }: Run, name: string): number {
    const next = (begun.get(name) ?? 0) + 1;
    begun.set(name, next);
    return next;
  }

  return {
    count,

    kill(run) {
      const { process, facts } = run;
      const others = runningOn(process).length - 1;
      if (facts.hasKilled && others > 0) {
        blame("a job took others along, though it had killed before", run);
      }
      facts.hasKilled = true;
      process.kill();
    },

    begin(process, facts, signal) {
      const run = {
        facts,
        process,
        signal,
        claim: facts.claims,
        isOver: false,
      };
      const times = count(run, "run");
      world.note(`${process.name} runs ${facts.requestId}, time ${times}`);
      if (times > 1) world.reach("a job was run again");
      if (times > 2) world.reach("a job was run a third time");
      checkHold(run, "a tool");
      if (facts.holder !== process && facts.endedAt === undefined) {
        blame("a tool began without its lease", run);
      }
      open.add(run);
      checkLimits(run);
      return run;
    },

    end(run) {
      run.isOver = true;
      open.delete(run);
    },

    beginBody(run, step, key) {
      const { facts, process } = run;
      const name = `${facts.id} ${step}`;
      const times = count(run, step);
      world.note(`${process.name} begins ${facts.requestId} ${step}`);
      if (times > 1) world.reach("a body was begun again");
      if (facts.kept.has(step)) {
        blame("a kept step's body began again", run, step);
      } else checkHold(run, "a step", step);
      const beside = bodies.get(name);
      if (
        beside && beside !== run && beside.process === process &&
        !beside.signal.aborted
      ) blame("a step ran beside itself in one process", run, step);
      bodies.set(name, run);
      checkKey(run, step, key);
      return tagOf(step, times);
    },

    endBody(run, step) {
      const name = `${run.facts.id} ${step}`;
      if (bodies.get(name) === run) bodies.delete(name);
    },

    seeStray(run) {
      const { facts, signal, claim } = run;
      if (signal.aborted || claim !== facts.claims) return;
      const { suspendedAt } = facts;
      if (suspendedAt === undefined) return;
      if (world.now() > suspendedAt + mix.leaseMs) {
        blame("a branch ran on after its job was given up", run);
      }
    },
  };

  /** A slot is taken for as long as a tool runs, and its job is not given up. */
  function runningOn(process: Process): Run[] {
    return [...open].filter(({ facts, signal, claim, ...run }) =>
      run.process === process && !signal.aborted && facts.claims === claim &&
      facts.suspendedAt === undefined
    );
  }

  function checkLimits(begun: Run): void {
    const { process, facts: { clientId } } = begun;
    const running = runningOn(process);
    if (running.length > mix.concurrency) {
      blame("an instance runs more jobs than it may", begun);
    }
    const own = running.filter(({ facts }) => facts.clientId === clientId);
    if (own.length > mix.maxRunning) {
      blame("an instance runs more jobs of a client than it may", begun);
    }
  }

  function checkKey(run: Run, step: string, key: string | undefined): void {
    if (key === undefined) return;
    const { keys } = run.facts;
    const known = keys.get(step);
    if (known !== undefined && known !== key) {
      blame("a step was given another key", run, step);
    }
    keys.set(step, key);
    for (const facts of ledger.jobs.values()) {
      for (const [name, other] of facts.keys) {
        if (other !== key || (facts === run.facts && name === step)) continue;
        blame("two steps were given one key", run, step);
      }
    }
  }
}
