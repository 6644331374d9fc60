/** Stand-in for what the tests use of `@std/assert`, over `node:assert`. */
import node from "node:assert/strict";

// deno-lint-ignore no-explicit-any -- as in the real package
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

export const AssertionError: typeof node.AssertionError = node.AssertionError;

export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError({ message: msg });
}

export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  node.deepEqual(actual, expected, msg);
}

export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  node.notDeepEqual(actual, expected, msg);
}

export function assertMatch(actual: string, expected: RegExp, msg?: string) {
  node.match(actual, expected, msg);
}

export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  assert(
    actual.includes(expected),
    msg ??
      `Expected actual: ${JSON.stringify(actual)} to contain: ${
        JSON.stringify(expected)
      }.`,
  );
}

export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  Class: ErrorClass<E>,
  msgIncludes = "",
): E {
  try {
    fn();
  } catch (error) {
    return checked(error, Class, msgIncludes);
  }
  throw new AssertionError({ message: "Expected function to throw." });
}

export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  Class: ErrorClass<E>,
  msgIncludes = "",
): Promise<E> {
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
    await promise;
  } catch (error) {
    assert(promise, "Function throws when expected to reject.");
    return checked(error, Class, msgIncludes);
  }
  throw new AssertionError({ message: "Expected function to reject." });
}

function checked<E extends Error>(
  error: unknown,
  Class: ErrorClass<E>,
  msgIncludes: string,
): E {
  assert(
    error instanceof Class,
    `Expected error to be instance of "${Class.name}", but was "${error}".`,
  );
  assertStringIncludes(error.message, msgIncludes);
  return error;
}
