/**
 * A job as the holder of its lease has it: every write is made on it as it was
 * last left, with what is to be told of it; see L1, L3 and L4 in `lease.ts`.
 *
 * @module
 */

import type { Job } from "./job.ts";
import type { JobStore, StoredJob } from "./store.ts";

/** What a lease's holder may tell of its job. */
export type News = Partial<
  Pick<Job, "progress" | "questions" | "crashes" | "strikes" | "kept">
>;

/** Writes to a job; `until` is when the store need not be asked any more. */
type Write<T> = (stored: StoredJob, until: number) => Promise<T | undefined>;

/** A job under a lease. */
export interface HeldJob {
  /** Writes beside the job; `undefined` if nothing was written. */
  write<T>(run: Write<T>): Promise<T | undefined>;
  /** Writes the job itself, with what was noted of it. */
  replace(run: Write<StoredJob>): Promise<StoredJob | undefined>;
  /** Notes what the next write of the job is to tell. */
  note(news: News): void;
  /** Reads what others told the job. */
  hear(): Promise<void>;
  /** The questions that were answered, or are settled, by name. */
  readonly answered: ReadonlySet<string>;
  /** Says that a question is settled. */
  settle(name: string): void;
}

/** What the lease knows of itself. */
export interface Hold {
  /** Whether nothing may be written any more. */
  isOver(): boolean;
  /** When a store that is away need not be asked any more. */
  until(): number;
  /** Says that somebody else has the job. */
  lose(): void;
}

/** Takes a claimed job in hand. */
export function holdJob(
  claimed: StoredJob,
  store: JobStore,
  hold: Hold,
): HeldJob {
  const inLine = createLine();
  const answered = new Set<string>();
  let stored = claimed;
  let news: News = {};

  async function writeNow<T>(run: Write<T>): Promise<T | undefined> {
    while (!hold.isOver()) {
      const written = await run(stored, hold.until());
      if (written !== undefined) return written;
      if (!await adopt()) return undefined;
    }
  }

  /** Takes over what others told the job (L3); whether there was anything. */
  async function adopt(): Promise<boolean> {
    const found = await store.read(stored.job.id, hold.until());
    if (found?.version === stored.version) return false;
    if (found?.job.lease !== stored.job.lease) {
      hold.lose();
      return false;
    }
    const left = found?.job.questions ?? {};
    for (const name of Object.keys(stored.job.questions ?? {})) {
      if (!(name in left)) answered.add(name);
    }
    stored = found as StoredJob;
    return true;
  }

  return {
    answered,
    settle: (name) => void answered.add(name),
    note: (latest) => void (news = { ...news, ...latest }),
    write: (run) => inLine(() => writeNow(run)),
    hear: () => inLine(async () => void (!hold.isOver() && await adopt())),

    replace: (run) =>
      inLine(async () => {
        const written = await writeNow(({ job, version }, until) =>
          run({ job: update(job, news, answered), version }, until)
        );
        if (written) stored = written;
        return written;
      }),
  };
}

/** The job with what is to be told of it, and without what is settled. */
function update(job: Job, news: News, answered: ReadonlySet<string>): Job {
  const { questions, ...rest } = { ...job, ...news };
  const left = Object.entries(questions ?? {})
    .filter(([name]) => !answered.has(name));
  if (left.length === 0) return rest;
  // The same object, where it may be: large questions are known by it.
  const isSame = left.length === Object.keys(questions ?? {}).length;
  return { ...rest, questions: isSame ? questions : Object.fromEntries(left) };
}

/** Makes what runs one thing after another. */
function createLine(): <T>(run: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (run) => {
    const done = last.then(run);
    last = done.catch(() => {});
    return done;
  };
}
