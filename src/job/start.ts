/**
 * Starts a job: accepts it, or finds the one that its request started before.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import { canonicalJson } from "../json/canonical_json.ts";
import { findNotJson, refuseNotJson } from "../json/not_json.ts";
import { INLINE_BYTES } from "../kv/chunks.ts";
import { type Nonce, replayedError, type Spend } from "../signing/nonce.ts";
import { check } from "../tool/check.ts";
import type { Tool } from "../tool/tool.ts";
import { settlesWithin } from "../waiting.ts";
import type { Background } from "./background.ts";
import { accept, isFinal, type Job } from "./job.ts";
import { type Moment, momentOf } from "./lease.ts";
import type { JobOutcome } from "./outcome.ts";
import type { Acceptance, StoredJob } from "./store.ts";
import { watchJob, type WatchServices } from "./watch.ts";

/** What a job is started with. */
export interface Start {
  readonly clientId: string;
  readonly requestId: string;
  readonly name: string;
  readonly tool: Tool;
  /** The arguments as they came. */
  readonly args: unknown;
  /** Makes the job's own arguments of them, where the tool does. */
  readonly prepare: (() => Promise<unknown>) | undefined;
  readonly nonce: Nonce | undefined;
  readonly signal: AbortSignal;
}

/** What jobs are kept and run with. */
export interface JobsOptions extends WatchServices {
  /** Spends the nonce of a start whose job is there already. */
  readonly spend: Spend;
  /** Derives job ids: a MAC under a key of the server's own. */
  readonly sign: (text: string) => Promise<string>;
  readonly leaseMs: number;
  /** Most unfinished jobs that a client may have. */
  readonly maxUnfinished: number;
}

/** The id of the job that a client's request starts: unguessable. */
export async function deriveId(
  clientId: string,
  requestId: string,
  sign: JobsOptions["sign"],
): Promise<string> {
  // The alphabet of ids has no line feed: the text is unambiguous.
  return (await sign(`${clientId}\n${requestId}`)).slice(0, 32);
}

/** Accepts a job, as `Jobs.start` promises. */
export async function startJob(
  start: Start,
  background: Background,
  options: JobsOptions,
): Promise<JobOutcome> {
  const { worker, spend, timing } = options;
  const { tool, nonce, signal } = start;
  const { acceptance, begun } = await acceptStart(start, options);
  if (acceptance.kind === "replayed") throw replayedError();
  if (acceptance.kind === "full") throw tooMany(acceptance.unfinished);
  let { stored } = acceptance;
  let running: Promise<StoredJob | undefined> | undefined;
  if (acceptance.kind === "known") {
    await refuseConflict(stored.job, start, options);
    if (nonce && !acceptance.isSpent && !await spend(nonce)) {
      throw replayedError();
    }
  } else if (stored.job.lease) {
    running = worker.run(stored, begun, background);
    background.run(running);
  } else worker.nudge(); // room may have got free before it was in the store
  const { pollAfterMs = 0, waitMs = 0 } = tool.job ?? {};
  if (waitMs > 0) {
    const began = timing.monotonic();
    // The run itself tells of its end, where it is here.
    if (running && await settlesWithin(running, waitMs, signal, timing)) {
      stored = await running ?? stored;
    }
    const leftMs = began + waitMs - timing.monotonic();
    const watchOptions = { signal, waitMs: leftMs, background };
    for await (const outcome of watchJob(stored, watchOptions, options)) {
      if (isFinal(outcome.job)) return outcome;
    }
  }
  return { ...stored, kind: "accepted", pollAfterMs };
}

/** Accepts a start, writing nothing where it is refused. */
async function acceptStart(
  start: Start,
  { store, worker, sign, leaseMs, maxUnfinished, timing }: JobsOptions,
): Promise<{ acceptance: Acceptance; begun: Moment }> {
  const { clientId, requestId, name, args, prepare, nonce } = start;
  const text = textOf(args);
  const id = await deriveId(clientId, requestId, sign);
  const found = prepare && await store.find(id, nonce);
  if (found) return { acceptance: found, begun: momentOf(timing) };
  // The tool's own code runs once it is known that the start is none of before.
  const prepared = await prepare?.();
  const values = prepare
    ? { args: checkPrepared(prepared), given: args }
    : { args };
  const isLarge = text.length > INLINE_BYTES / 3;
  const lease = worker.takeSlot({ clientId, tool: name });
  let acceptance: Acceptance | undefined;
  const begun = momentOf(timing);
  try {
    const request = { id, tool: name, clientId, requestId };
    const job = {
      ...accept(request, begun.wall, lease, leaseMs),
      ...values,
      ...isLarge && !prepare && { valuesName: await sign(text) },
    };
    acceptance = await store.accept(job, nonce, maxUnfinished);
  } finally {
    if (acceptance?.kind !== "accepted") worker.freeSlot(lease);
  }
  return { acceptance, begun };
}

function textOf(args: unknown): string {
  try {
    return canonicalJson(args);
  } catch (cause) {
    const { path, what } = findNotJson(args) ?? { path: "$", what: "no JSON" };
    const message = `The arguments cannot be kept: ${path} is ${what}`;
    throw new CountersignError("invalid_args", message, { cause });
  }
}

function checkPrepared(args: unknown): unknown {
  try {
    refuseNotJson(args, "What prepare returns");
    return args;
  } catch (cause) {
    throw new CountersignError("tool_failed", "The tool failed", { cause });
  }
}

function tooMany(unfinished: number): CountersignError {
  return new CountersignError(
    "too_many_jobs",
    `You have ${unfinished} unfinished jobs; wait for one or cancel one`,
    { retryAfterMs: 5000 },
  );
}

async function refuseConflict(
  job: Job,
  { name, args, tool }: Start,
  { store }: JobsOptions,
): Promise<void> {
  const kept = canonicalJson(await store.value(job, job.given ?? job.args));
  if (job.tool === name && kept === canonicalJson(args)) return;
  // Version 0.1 kept what the schema made of the arguments.
  const checked = job.place === undefined && check(tool.input, args);
  if (
    checked && checked.ok && job.tool === name &&
    kept === JSON.stringify(checked.value)
  ) return;
  throw new CountersignError(
    "idempotency_conflict",
    "This request_id started a job with another tool or other arguments; " +
      "send a new call with a new request_id",
  );
}
