/**
 * The ledger of side effects: a file that all processes append to, whose lines
 * stand in the order in which things happened.
 */

/** What a line tells. */
export type Mark =
  /** A step's body begins. */
  | "begins"
  /** The line above may have been written long after it was begun. */
  | "was frozen"
  /** The tool was given a step's value, which was kept by then. */
  | "kept"
  /** A job killed its process. */
  | "kills";

/** Writes lines; `undefined` path for nowhere. */
export function openMarks(
  path: string,
): (number: number, mark: Mark, step: string, value?: string) => void {
  const file = Deno.openSync(path, { append: true, create: true });
  const encoder = new TextEncoder();
  return (number, mark, step, value = "") => {
    const line = `${[number, mark, step, value].join("\t")}\n`;
    file.writeSync(encoder.encode(line)); // one write: lines never mix
  };
}

/** Whether a job killed a process before. */
export function hasKilled(path: string, number: number): boolean {
  return Deno.readTextFileSync(path).includes(`${number}\tkills\t`);
}
