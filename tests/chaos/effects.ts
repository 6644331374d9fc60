/** Reads the ledger of side effects, and holds it to what was promised. */
import { assert, assertEquals } from "@std/assert";

/** What happened, read back. */
export interface Effects {
  /** Bodies that ran, of every job's steps. */
  readonly bodies: number;
  /** Of them, those of steps whose body ran more than once. */
  readonly again: number;
  /** The value that each step kept, by `number step`. */
  readonly kept: ReadonlyMap<string, string>;
}

/** Reads the ledger: nothing was done again once it was kept. */
export async function checkMarks(path: string): Promise<Effects> {
  const text = await Deno.readTextFile(path);
  const lines = text.trim().split("\n").map((line) => line.split("\t"));
  const kept = new Map<string, string>();
  const begun = new Map<string, number>();
  const excused = new Set(
    lines.filter(([, mark]) => mark === "was frozen")
      .map(([number, , step, value]) => `${number} ${step} ${value}`),
  );
  for (const [number, mark, step, value] of lines) {
    const name = `${number} ${step}`;
    if (mark === "begins") {
      begun.set(name, (begun.get(name) ?? 0) + 1);
      assert(
        !kept.has(name) || excused.has(`${name} ${value}`),
        `step "${step}" of job ${number} began again though it was kept`,
      );
    }
    if (mark !== "kept") continue;
    assertEquals(kept.get(name) ?? value, value, `${name} was kept twice`);
    kept.set(name, value);
  }
  const times = [...begun.values()];
  return {
    bodies: times.reduce((sum, count) => sum + count, 0),
    again: times.filter((count) => count > 1).length,
    kept,
  };
}
