/**
 * Runs a step: its body, as often as its options allow, until there is an
 * outcome.
 *
 * @module
 */

import { TerminalError, ToolError } from "../errors.ts";
import type { StepOptions, StepScope } from "../tool/context.ts";
import { waitWithin, withLimits } from "../waiting.ts";
import { backoff } from "./job.ts";
import { isTry } from "./keeper.ts";
import type { Parts } from "./parts.ts";

/** Pauses up to this long are not worth a commit. */
const SHORT_PAUSE_MS = 1000;

/**
 * Runs a step that no attempt has kept, and keeps its value.
 *
 * Tries that are a while apart are counted across restarts.
 *
 * @throws What its last try threw.
 */
export async function runStep(
  name: string,
  options: StepOptions,
  run: (scope: StepScope) => unknown,
  parts: Parts,
): Promise<unknown> {
  const { attempts = 1, backoffMs = 1000 } = checkStepOptions(name, options);
  const { course, keeper, signal, timing } = parts;
  let { tries, until } = earlierTries(name, parts);
  for (;;) {
    if (until > timing.now()) {
      await course.waitUntil(until);
      await course.mayBegin();
    }
    try {
      return await course.inBody(async () => {
        const value = await runBody(name, options, run, parts);
        await keeper.keep(name, { value });
        return value;
      });
    } catch (error) {
      if (signal.aborted) return await course.never;
      if (error instanceof TerminalError || ++tries >= attempts) {
        // Of its own attempts none is left, so it is not made again.
        if (options.attempts) await keeper.keepFailure(name, error);
        throw error;
      }
      const pauseMs = backoff(tries, backoffMs, timing.random);
      until = timing.now() + pauseMs;
      if (pauseMs > SHORT_PAUSE_MS) {
        await keeper.keep(`~try ${tries} ${name}`, { value: { until } });
      }
    }
  }
}

/** How often the step was tried by earlier attempts, and when it may be again. */
function earlierTries(
  name: string,
  { kept }: Parts,
): { tries: number; until: number } {
  let found = { tries: 0, until: 0 };
  for (const [key, { value }] of kept) {
    if (!isTry(key)) continue;
    const tries = parseInt(key.slice("~try ".length));
    if (key !== `~try ${tries} ${name}` || tries <= found.tries) continue;
    found = { tries, until: Object(value).until };
  }
  return found;
}

async function runBody(
  name: string,
  { timeoutMs }: StepOptions,
  run: (scope: StepScope) => unknown,
  { job, lease, bodies, course, signal, timing }: Parts,
): Promise<unknown> {
  if (!await lease.hold()) return await course.never;
  const reason = (ms: number) =>
    new ToolError(`Step "${name}" took longer than ${ms} ms`);
  const key = keyOf(job.id, name);
  return await withLimits(
    { ms: timeoutMs, reason, signal, timing },
    (signal) => {
      const body = async () => await run({ key, signal });
      return waitWithin(bodies.run(name, body), signal);
    },
  );
}

/** The same for a step of a job in every attempt, and for no other. */
function keyOf(jobId: string, name: string): string {
  return `${jobId}.${encodeURIComponent(name)}`;
}

function checkStepOptions(name: string, options: StepOptions): StepOptions {
  const { attempts = 1, backoffMs = 0, timeoutMs = 1 } = options;
  if (!Number.isSafeInteger(attempts) || attempts < 1) {
    throw new RangeError(
      `attempts of step "${name}" must be an integer of at least 1`,
    );
  }
  if (!(backoffMs >= 0) || !(timeoutMs > 0)) {
    throw new RangeError(
      `backoffMs and timeoutMs of step "${name}" must be ` +
        "times in milliseconds",
    );
  }
  return options;
}
