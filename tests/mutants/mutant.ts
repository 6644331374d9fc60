/** A promise, broken. */
export interface Mutant {
  /** What the documents say, and this breaks. */
  readonly promise: string;
  /** The file that keeps it. */
  readonly file: string;
  /** Text that stands in the file once. */
  readonly find: string;
  /** What takes its place. */
  readonly replace: string;
  /** The tests that must notice. */
  readonly tests: readonly string[];
}
