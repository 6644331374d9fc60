/**
 * Takes a job into KV: its nonce, its record and its indexes in one commit.
 *
 * @module
 */

import { type StoredValue, storeValue } from "../kv/chunks.ts";
import { persist } from "../kv/commit.ts";
import { toBytes } from "../kv/kv.ts";
import { addSpending, spendingOf } from "../kv/nonces.ts";
import type { Nonce } from "../signing/nonce.ts";
import type { Job } from "./job.ts";
import { dueOf, type JobKv } from "./kv_keys.ts";
import { readJob, writeJob } from "./kv_record.ts";
import type { Acceptance } from "./store.ts";

const NOTHING = toBytes(null);
/** How long chunks may wait for the job that names them. */
const ORPHANED_AFTER_MS = 3_600_000;

/** Adds a job and its arguments, as `JobStore.accept` promises. */
export async function acceptJob(
  jobKv: JobKv,
  accepted: Omit<Job, "args">,
  args: unknown,
  nonce: Nonce | undefined,
): Promise<Acceptance> {
  const { kv, keys, timing } = jobKv;
  const job: Job = {
    ...accepted,
    args: await storeArgs(jobKv, accepted.id, args),
  };
  const spending = nonce && spendingOf(keys.prefix, nonce, timing);
  for (;;) {
    const stored = await writeJob(jobKv, job, (atomic) => {
      if (spending) addSpending(atomic, spending);
      return atomic.check({ key: keys.job(job.id), versionstamp: null })
        .set(keys.due(dueOf(job)), NOTHING)
        .set(keys.active(job), NOTHING)
        .set(keys.owner(job), NOTHING);
    });
    if (stored) return { kind: "accepted", stored };
    if (spending) {
      const spent = await persist(() => kv.get(spending.key), timing);
      if (spent.versionstamp !== null) return { kind: "replayed" };
    }
    const earlier = await readJob(jobKv, job.id);
    if (earlier) return { kind: "known", stored: earlier };
    // Neither spent nor known: it was removed just now, so once more.
  }
}

/** Large arguments are announced first: chunks that get no job are removed. */
async function storeArgs(
  { kv, keys, timing }: JobKv,
  id: string,
  args: unknown,
): Promise<StoredValue> {
  const limit = Infinity; // the body was capped
  const announce = async () => {
    const key = keys.due({ at: timing.now() + ORPHANED_AFTER_MS, id });
    await persist(() => kv.atomic().set(key, NOTHING).commit(), timing);
  };
  return await storeValue(kv, keys.chunks(id), args, limit, announce, timing);
}
