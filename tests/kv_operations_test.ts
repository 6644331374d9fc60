/** What calls cost in KV operations; and that it stays so in a full store. */
import { assertEquals } from "@std/assert";
import { accept, complete, type Job } from "../src/job/job.ts";
import { toBytes } from "../src/kv/kv.ts";
import { costs } from "./support/costs.ts";
import { CLIENT_ID, SERVER_ID } from "./support/parties.ts";

const HOUR = 3_600_000;

const expected = {
  read: { gets: 0, lists: 0, commits: 0 },
  call: { gets: 0, lists: 0, commits: 1 },
  // One list counts the client's unfinished jobs; accept and settle commit.
  "short job": { gets: 0, lists: 1, commits: 2 },
  "job of five steps": { gets: 0, lists: 1, commits: 7 },
  poll: { gets: 1, lists: 0, commits: 0 },
  "work with nothing due": { gets: 0, lists: 1, commits: 0 },
};

Deno.test("a job costs two commits, a poll one read, idle work one list", async () => {
  using kv = await Deno.openKv(":memory:");
  const { "list of ten": _, "claim and settle": claimed, ...rest } =
    await costs(kv);
  assertEquals(rest, expected);
  // The job that is due is read, claimed, its sleep read back, and settled.
  assertEquals(claimed, { gets: 1, lists: 2, commits: 2 });
});

Deno.test("100,000 finished and 10,000 waiting jobs make nothing dearer", async () => {
  using few = await Deno.openKv(":memory:");
  using many = await Deno.openKv(":memory:");
  await fill(few, 10, 10);
  await fill(many, 100_000, 10_000);
  assertEquals(await costs(many), await costs(few));
});

/** Puts jobs of other clients into a store, as the store itself would. */
async function fill(kv: Deno.Kv, finished: number, waiting: number) {
  const prefix = ["countersign", SERVER_ID];
  const nothing = new TextEncoder().encode("null");
  const ids: number[] = Array.from({ length: finished + waiting }, (_, i) => i);
  for (let from = 0; from < ids.length; from += 200) {
    const atomic = kv.atomic();
    for (const i of ids.slice(from, from + 200)) {
      const time = Date.now() - (i % 1000);
      const fresh: Job = {
        ...accept(
          {
            id: `job-${i}`,
            tool: "waits",
            clientId: i % 2 ? CLIENT_ID : `client-${i % 100}`,
            requestId: `request-${i}`,
          },
          time,
          undefined,
          0,
        ),
        args: { value: {} },
      };
      // Those that wait are asleep, beyond what the test sets its clock to.
      const job = i < finished
        ? complete(fresh, time, 24 * HOUR, { value: "done" })
        : { ...fresh, clientId: `client-${i % 100}`, dueAt: time + 12 * HOUR };
      atomic.set([...prefix, "job", job.id], toBytes({ by: "the filler", job }))
        .set([...prefix, "due", job.dueAt, job.id], nothing)
        .set(
          [...prefix, "owner", job.clientId, job.createdAt, job.id],
          nothing,
        );
      if (i >= finished) {
        atomic.set([...prefix, "active", job.clientId, job.id], nothing);
      }
    }
    await atomic.commit();
  }
}
