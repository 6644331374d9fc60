/**
 * Assertions without dependencies: they run in every runtime, as they are.
 *
 * @module
 */

export function assert(value: unknown, message = "Not so"): asserts value {
  if (!value) throw new Error(message);
}

/** Compares values as JSON has them; bytes, bigints and special numbers too. */
export function assertEquals(actual: unknown, expected: unknown): void {
  const [is, should] = [show(actual), show(expected)];
  if (is !== should) throw new Error(`Is ${is}, should be ${should}`);
}

export async function assertRejects(
  call: () => Promise<unknown>,
  // deno-lint-ignore no-explicit-any -- any error's class
  Class: abstract new (...args: any[]) => Error = Error,
  includes = "",
): Promise<Error> {
  const error = await call().then(() => undefined, (error: unknown) => error);
  assert(error instanceof Class, `${error} is no ${Class.name}`);
  assert(
    error.message.includes(includes),
    `"${error.message}" lacks "${includes}"`,
  );
  return error;
}

function show(value: unknown): string {
  return JSON.stringify(value, (_name, value) => {
    if (value instanceof Uint8Array) return `bytes ${Array.from(value)}`;
    if (typeof value === "bigint") return `${value}n`;
    if (value === undefined) return "undefined";
    const special = typeof value === "number" && !Number.isFinite(value);
    return special || Object.is(value, -0) ? `number ${String(value)}` : value;
  });
}
