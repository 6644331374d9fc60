/** What docs/jobs.md guarantees, broken. */
import type { Mutant } from "./mutant.ts";

export const JOBS: readonly Mutant[] = [
  {
    promise: "Accepted is accepted: it is due, whoever dies",
    file: "src/job/kv_accept.ts",
    find: "return addIndexes(atomic, keys, job);",
    replace: "return atomic;",
    tests: ["tests/job_store_test.ts"],
  },
  {
    promise: "One outcome: what was recorded does not change",
    file: "src/job/held_job.ts",
    find: "if (found?.job.lease !== stored.job.lease) {",
    replace: "if (found === undefined) {",
    tests: ["tests/security_test.ts"],
  },
  {
    promise: "A step that was kept is not run again",
    file: "src/job/journal.ts",
    find: "if (replay.claimName(name)) return await replay.outcome(name);",
    replace: "replay.claimName(name);",
    tests: ["tests/job_attempts_test.ts"],
  },
  {
    promise: "A step's name is used once",
    file: "src/job/replay.ts",
    find: "if (claimed.has(name)) {",
    replace: 'if (name === "") {',
    tests: ["tests/job_steps_test.ts"],
  },
  {
    promise:
      "A tool that was deployed anew asks for the steps it has kept: a renamed one",
    file: "src/job/replay.ts",
    find: 'throw changedError(missing, `asks for "${newName}"`);',
    replace: "return;",
    tests: ["tests/job_steps_test.ts"],
  },
  {
    promise:
      "A tool that was deployed anew asks for the steps it has kept: a removed one",
    file: "src/job/replay.ts",
    find:
      'throw changedError(missing, "returned without asking for any more");',
    replace: "",
    tests: ["tests/job_steps_test.ts"],
  },
  {
    promise: "Nothing begins after the job was cancelled",
    file: "src/job/journal.ts",
    find: `      options.lease.signal.throwIfAborted();
      if (signal.aborted) await course.never;
`,
    replace: "",
    tests: ["tests/job_attempts_test.ts"],
  },
  {
    promise: "A long sleep gives the instance up",
    file: "src/job/journal.ts",
    find: "const SHORT_SLEEP_MS = 1000;",
    replace: "const SHORT_SLEEP_MS = 1e9;",
    tests: ["tests/job_attempts_test.ts"],
  },
  {
    promise: "After `attempts` a job ends as an error",
    file: "src/job/ending.ts",
    find: "strikes >= attempts ||",
    replace: "strikes > attempts ||",
    tests: ["tests/job_attempts_test.ts"],
  },
  {
    promise: "A TerminalError ends a job at once",
    file: "src/job/ending.ts",
    find: "error instanceof TerminalError || isTooLarge(error) ||",
    replace: "isTooLarge(error) ||",
    tests: ["tests/job_attempts_test.ts"],
  },
  {
    promise: "A ToolError's message is told, any other only to the log",
    file: "src/job/ending.ts",
    find: "if (error instanceof ToolError) {",
    replace: "if (error instanceof Error) {",
    tests: ["tests/job_attempts_test.ts"],
  },
  {
    promise: "It takes longer than `timeoutMs`: as if it had thrown",
    file: "src/tool/run.ts",
    find: "withLimits({ ms: timeoutMs,",
    replace: "withLimits({ ms: undefined,",
    tests: ["tests/job_attempts_test.ts"],
  },
  {
    promise: "Attempts are counted across processes",
    file: "src/job/job.ts",
    find: `const failures = job.failures + 1;
  const crashes`,
    replace: `const failures = job.failures;
  const crashes`,
    tests: ["tests/process_test.ts"],
  },
  {
    promise:
      "A process that stops in good order gives its leases back, without blame",
    file: "src/job/ending.ts",
    find: `advance(job, kept),
    now,`,
    replace: `{ ...advance(job, kept), failures: job.failures + 1 },
    now,`,
    tests: ["tests/process_test.ts"],
  },
  {
    promise: "Cancelled: the running attempt's signal is aborted",
    file: "src/job/worker.ts",
    find: "running.get(id)?.lease.lose()",
    replace: "running.get(id)",
    tests: ["tests/job_attempts_test.ts"],
  },
  {
    promise:
      "Cancelled at another instance: the attempt is stopped where it runs",
    file: "src/job/held_job.ts",
    find: `hold.lose();
      return false;`,
    replace: "return false;",
    tests: ["tests/job_attempts_test.ts"],
  },
  {
    promise: "A value over `maxValueBytes` is too large",
    file: "src/kv/chunks.ts",
    find: "if (bytes.length > maxBytes) {",
    replace: "if (bytes.length > 10 * maxBytes) {",
    tests: ["tests/job_steps_test.ts", "tests/job_store_test.ts"],
  },
  {
    promise: "No more jobs run at once than `concurrency`",
    file: "src/job/slots.ts",
    find: "return taken.size < concurrency &&",
    replace: "return",
    tests: ["tests/job_attempts_test.ts"],
  },
  {
    promise:
      "A run that was stopped without a word does not hold its room for ever",
    file: "src/job/slots.ts",
    find: "if (isLost()) taken.delete(token);",
    replace: "",
    tests: ["tests/job_attempts_test.ts"],
  },
  {
    promise: "A poll that finds a job overdue takes it up",
    file: "src/job/watch.ts",
    find: "background.run(worker.takeUp(stored, background));",
    replace: "",
    tests: ["tests/job_attempts_test.ts"],
  },
  {
    promise: "A job with `waitMs` that ends in time answers with its result",
    file: "src/job/start.ts",
    find: "if (isFinal(outcome.job)) return outcome;",
    replace: "",
    tests: ["tests/jobs_test.ts"],
  },
  {
    promise: "Finished jobs stay readable for `retentionMs`",
    file: "src/job/job.ts",
    find: `now + retentionMs,
    {},`,
    replace: `now,
    {},`,
    tests: ["tests/job_steps_test.ts"],
  },
  {
    promise: "Removed with all that belongs to them",
    file: "src/job/kv_removal.ts",
    find: `    keys.owner(job),
`,
    replace: "",
    tests: ["tests/job_steps_test.ts", "tests/job_store_test.ts"],
  },
  {
    promise: "Nothing begins on a lease that may have run out",
    file: "src/job/step.ts",
    find: "if (!await lease.hold()) return await course.never;",
    replace: "",
    tests: ["tests/leases_test.ts"],
  },
  {
    promise: "A job is taken over once it was seen to stand for its lease",
    file: "src/job/sightings.ts",
    find:
      "return Math.max(0, sighting.since + (job.leaseMs ?? leaseMs) - now);",
    replace: "return 0;",
    tests: ["tests/leases_test.ts"],
  },
  {
    promise: "A step costs one commit, a poll one read",
    file: "src/job/kv_steps.ts",
    find: "  const landed = await commit(",
    replace: `  await kv.get(key);
  const landed = await commit(`,
    tests: ["tests/kv_operations_test.ts"],
  },
  {
    promise: "A commit in doubt is asked after",
    file: "src/kv/commit.ts",
    find: "return ambiguous ? await landed() : undefined;",
    replace: "return undefined;",
    tests: ["tests/faults_test.ts"],
  },
];
