/** Watches that a job stands in the store's indexes as its record says. */
import type { KvKey } from "../../src/kv/kv.ts";
import type { Books, JobFacts } from "./job_facts.ts";
import { isAbout, PREFIX } from "./records.ts";

/** It stands once in each index that is for jobs as it is, and in no other. */
export function checkIndexes(
  { world, model, announced }: Books,
  { id, clientId, record }: JobFacts,
): void {
  const { status, dueAt } = record;
  const isWorking = status === "working";
  const entriesOf = (...index: KvKey) =>
    model.list({ prefix: [...PREFIX, ...index] })
      .filter(({ key, value }) => isAbout(id, key, value));
  const timesOf = (index: string) =>
    entriesOf(index).map(({ key }) => key.at(-2))
      .filter((at) => !announced.has(`${String(at)} ${id}`)).join();
  if (timesOf(isWorking ? "due" : "gone") !== String(dueAt)) {
    world.blame("a job is not due as its record says", id);
  }
  if (timesOf(isWorking ? "gone" : "due") !== "") {
    world.blame("a job is due for what it is not", id);
  }
  if (entriesOf("active", clientId).length !== Number(isWorking)) {
    world.blame("a job is counted though it ended, or is not counted", id);
  }
  if (
    entriesOf("owner", clientId).length !== 1 ||
    entriesOf("ended", clientId, status).length !== Number(!isWorking)
  ) world.blame("a job is not listed once", id);
}
