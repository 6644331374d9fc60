/**
 * What every store of jobs does, whatever KV it is kept in.
 *
 * @module
 */

import { cancel, claim, extend } from "../job/job.ts";
import type { JobStore } from "../job/store.ts";
import type { KvLike } from "../kv/kv.ts";
import { assert, assertEquals, assertRejects } from "./expect.ts";
import {
  accepted,
  assertSame,
  ended,
  fresh,
  leased,
  MAX_BYTES,
  newJob,
  NOW,
  resultOf,
  storeOn,
} from "./job_samples.ts";

/** What a store of jobs does, as sentences, each with its check. */
export const storeChecks: Record<
  string,
  (store: JobStore) => Promise<void>
> = {
  async "a job that was accepted is read back, with its arguments"(store) {
    const { job } = await accepted(store, { args: { a: [1, "é"] } });
    const held = await store.read(job.id);
    assertEquals(held?.job, job);
    assertEquals(await store.value(job, job.args), { a: [1, "é"] });
  },

  async "a job that was accepted is due from its first commit on"(store) {
    const { job } = await accepted(store);
    const due = await store.due(job.dueAt, 10);
    assertEquals(due.map(({ at, id }) => [at, id]), [[job.dueAt, job.id]]);
    assertEquals(await store.due(job.dueAt - 1, 10), []);
  },

  async "a job that never was is not there"(store) {
    assertEquals(await store.read("nothing"), undefined);
  },

  async "a nonce is spent once, and the job of a second is not added"(store) {
    const nonce = fresh();
    await accepted(store, { nonce });
    const again = await store.accept(newJob(undefined, {}), nonce, 100);
    assertEquals(again.kind, "replayed");
    assertEquals(await store.unfinished("client", 10), 1);
  },

  async "a job that is there is known, and the nonce is left unspent"(
    store,
  ) {
    const { job } = await accepted(store);
    const nonce = fresh();
    const again = await store.accept(newJob(job.id, { b: 2 }), nonce, 100);
    assert(again.kind === "known");
    assertEquals(again.stored.job, job);
    assertEquals(await store.value(job, job.args), {});
    const other = await store.accept(newJob(undefined, {}), nonce, 100);
    assertEquals(other.kind, "accepted");
    const third = await store.accept(newJob(job.id, {}), nonce, 100);
    assertEquals(third.kind, "replayed");
  },

  async "of many that accept one job one adds it"(store) {
    const { id } = newJob();
    const kinds = await Promise.all(Array.from({ length: 5 }, async () => {
      return (await store.accept(newJob(id, {}), fresh(), 100)).kind;
    }));
    assertEquals(kinds.sort(), [
      "accepted",
      "known",
      "known",
      "known",
      "known",
    ]);
  },

  async "of many that replace one job one wins"(store) {
    const held = await accepted(store);
    const results = await Promise.all(
      ["a", "b", "c", "d"].map((lease) =>
        store.replace(held, claim(held.job, NOW, lease, 1000))
      ),
    );
    const winners = results.filter((result) => result !== undefined);
    assertEquals(winners.length, 1);
    const current = await store.read(held.job.id);
    assertSame(current, winners[0]);
  },

  async "a job that changed since it was read is not replaced"(store) {
    const held = await accepted(store);
    await leased(store, held);
    const late = await store.replace(held, cancel(held.job, NOW, 1000));
    assertEquals(late, undefined);
    assertEquals((await store.read(held.job.id))?.job.status, "working");
  },

  async "steps are kept under the lease, each once"(store) {
    const held = await leased(store, await accepted(store));
    assert(await store.keepStep(held, "one", { value: { n: 1 }, asked: 7 }));
    assert(await store.keepStep(held, "nothing", {}));
    assertEquals(await store.keepStep(held, "one", { value: 2 }), false);
    const steps = await store.steps(held.job.id);
    assertEquals([...steps], [
      ["nothing", { value: undefined }],
      ["one", { value: { n: 1 }, asked: 7 }],
    ]);
  },

  async "whoever lost the lease keeps no step"(store) {
    const held = await leased(store, await accepted(store));
    await leased(store, held);
    assertEquals(await store.keepStep(held, "late", { value: 1 }), false);
    assertEquals((await store.steps(held.job.id)).size, 0);
  },

  async "a result ends a job, once"(store) {
    const held = await leased(store, await accepted(store));
    const done = await store.complete(held, ended(held.job), { sum: 6 });
    assertEquals(done?.job.status, "completed");
    assertEquals(await resultOf(store, done), { sum: 6 });
    const late = await store.complete(held, ended(held.job), { sum: 7 });
    assertEquals(late, undefined);
  },

  async "arguments, steps and results over 64 KiB come back whole"(store) {
    const large = "é".repeat(100_000);
    const first = await accepted(store, { args: { large } });
    assertEquals(await store.value(first.job, first.job.args), { large });
    const held = await leased(store, first);
    assert(await store.keepStep(held, "large", { value: large }));
    const steps = await store.steps(held.job.id);
    assertEquals(steps.get("large")?.value, large);
    const done = await store.complete(held, ended(held.job), large);
    assertEquals(await resultOf(store, done), large);
  },

  async "a result or a step that is too large changes nothing"(store) {
    const held = await leased(store, await accepted(store));
    const huge = "x".repeat(MAX_BYTES);
    await assertRejects(() => store.complete(held, ended(held.job), huge));
    await assertRejects(() => store.keepStep(held, "huge", { value: huge }));
    assertSame(await store.read(held.job.id), held);
  },

  async "what is due is listed, longest overdue first, to its limit"(store) {
    const ids: string[] = [];
    for (const late of [10, 30, 20]) {
      const held = await accepted(store);
      const next = extend(held.job, NOW, -late);
      assert(await store.replace(held, next));
      ids.push(held.job.id);
    }
    const held = await accepted(store);
    assert(await store.replace(held, extend(held.job, NOW, 1)));
    const due = await store.due(NOW, 10);
    assertEquals(due.map(({ id }) => id), [ids[1], ids[2], ids[0]]);
    assertEquals((await store.due(NOW, 2)).length, 2);
  },

  async "a job is due once, wherever it moved"(store) {
    let held = await accepted(store);
    for (const lease of ["a", "b", "c"]) {
      held = await leased(store, held, lease);
    }
    const due = await store.due(NOW + 10_000, 10);
    const { dueAt: at, id, clientId, tool } = held.job;
    assertEquals(due, [{ at, id, clientId, tool }]);
  },

  async "an entry that no job answers to is forgotten"(store) {
    const held = await accepted(store);
    const { dueAt: at, id } = held.job;
    const [entry] = await store.due(NOW, 10);
    await store.setAside(entry, NOW + 5000);
    assertEquals((await store.due(NOW + 10_000, 10)).map((due) => due.at), [
      NOW + 5000,
    ]);
    await store.forget({ id, at: NOW + 5000 });
    await store.forget({ id, at }); // the job is due then: it stays
    assertEquals(await store.due(NOW + 10_000, 10), []);
  },

  async "unfinished jobs are counted, a client's own, up to a limit"(store) {
    const held = await accepted(store);
    await accepted(store);
    await accepted(store, { clientId: "another" });
    assertEquals(await store.unfinished("client", 10), 2);
    assertEquals(await store.unfinished("client", 1), 1);
    await store.replace(held, cancel(held.job, NOW, 1000));
    assertEquals(await store.unfinished("client", 10), 1);
  },

  async "a client's own jobs are listed, newest first, by status, in pages"(
    store,
  ) {
    for (let i = 0; i < 25; i++) {
      const held = await accepted(store, { createdAt: NOW + i });
      if (i % 5 === 0) await store.replace(held, cancel(held.job, NOW, 1000));
    }
    await accepted(store, { clientId: "another" });
    const first = await store.list("client", { limit: 15 });
    const { cursor } = first;
    const second = await store.list("client", { limit: 15, cursor });
    const times = [...first.jobs, ...second.jobs].map((job) => job.createdAt);
    assertEquals(times, Array.from({ length: 25 }, (_, i) => NOW + 24 - i));
    assertEquals(second.cursor, undefined);
    const gone = await store.list("client", { limit: 15, status: "cancelled" });
    assertEquals(gone.jobs.map((job) => job.createdAt - NOW), [
      20,
      15,
      10,
      5,
      0,
    ]);
  },

  async "a change is waited for, and told"(store) {
    const held = await accepted(store);
    const waiting = store.changed(held, 5000);
    const next = await leased(store, held);
    assertSame(await waiting, next);
  },

  async "a wait for a change ends without one"(store) {
    const held = await accepted(store);
    assertSame(await store.changed(held, 50), held);
  },

  async "a final job is removed with all it had, unless it changed"(store) {
    const large = "x".repeat(100_000);
    const held = await leased(store, await accepted(store));
    await store.keepStep(held, "step", { value: large });
    const done = await store.complete(held, ended(held.job), large);
    assert(done);
    assertEquals(await store.remove([{ ...done, version: held.version }]), 0);
    assertEquals(await store.remove([done]), 1);
    assertEquals(await store.read(held.job.id), undefined);
    assertEquals((await store.steps(held.job.id)).size, 0);
    assertEquals(await store.due(NOW + 1e9, 10), []);
    assertEquals((await store.list("client", { limit: 9 })).jobs, []);
  },
};

/** Checks the jobs that are kept in a KV; it throws where they fare otherwise. */
export type JobCheck = (kv: KvLike) => Promise<void>;

/** What jobs in a KV can rely on, as sentences, each with its check. */
export const jobContract: Readonly<Record<string, JobCheck>> = Object
  .fromEntries(
    Object.entries(storeChecks).map(([name, check]) => [
      name,
      (kv: KvLike) => check(storeOn(kv)),
    ]),
  );
