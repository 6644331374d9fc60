/**
 * A job's record in KV: the job, and which write left it so.
 *
 * @module
 */

import { CountersignError } from "../errors.ts";
import { fromBytes, type KvEntry, toBytes } from "../kv/kv.ts";
import type { Job } from "./job.ts";
import type { StoredJob } from "./store.ts";

/** Writes a record; `by` tells this write from any other. */
export function writeRecord(job: Job, by: string): Uint8Array {
  return toBytes({ by, job });
}

/**
 * Reads a record.
 *
 * @throws {CountersignError} `unavailable` if something else stands there.
 */
export function readRecord(
  { value, versionstamp }: KvEntry,
): StoredJob & { by: string } | undefined {
  if (versionstamp === null) return undefined;
  try {
    const { by, job } = fromBytes(value) as { by: string; job: Job };
    return { by, job, version: versionstamp };
  } catch (cause) {
    const message = "A stored job is unreadable";
    throw new CountersignError("unavailable", message, { cause });
  }
}
