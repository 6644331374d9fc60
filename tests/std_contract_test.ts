/**
 * What the tests use of `@std`, checked on whichever side is loaded: the real
 * packages, or the stand-ins in `offline/`.
 */
import {
  assert,
  assertEquals,
  AssertionError,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { FakeTime } from "@std/testing/time";

/** Runs what must fail; returns the message of its AssertionError. */
function failing(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof AssertionError) return error.message;
    throw error;
  }
  throw new Error("Nothing failed");
}

Deno.test("assertEquals compares deeply and strictly", () => {
  assertEquals({ a: [1, new Uint8Array([1])] }, {
    a: [1, new Uint8Array([1])],
  });
  failing(() => assertEquals<unknown>({ a: 1 }, { a: "1" }));
  failing(() => assertEquals<unknown>({ a: 1 }, { a: 1, b: undefined }));
  assertNotEquals([1], [2]);
  failing(() => assertNotEquals([1], [1]));
});

Deno.test("assert, assertMatch and assertStringIncludes fail with an AssertionError", () => {
  assert(1);
  assertEquals(failing(() => assert(0, "zero")), "zero");
  assertMatch("abc", /b/);
  failing(() => assertMatch("abc", /x/));
  assertStringIncludes("abc", "b");
  failing(() => assertStringIncludes("abc", "x"));
});

Deno.test("assertThrows and assertRejects check class and message, and return the error", async () => {
  const run = () => {
    throw new RangeError("far too far");
  };
  assertEquals(assertThrows(run, RangeError, "too far").message, "far too far");
  failing(() => assertThrows(run, TypeError));
  failing(() => assertThrows(run, RangeError, "near"));
  failing(() => assertThrows(() => {}, Error));
  const reject = () => Promise.reject(new RangeError("far too far"));
  const error = await assertRejects(reject, RangeError, "too far");
  assertEquals(error.message, "far too far");
  await assertRejects(
    () => assertRejects(reject, TypeError),
    AssertionError,
  );
  await assertRejects(
    () => assertRejects(() => Promise.resolve(), Error),
    AssertionError,
  );
});

Deno.test("timingSafeEqual compares bytes and throws where lengths differ", () => {
  const bytes = (...values: number[]) => new Uint8Array(values);
  assert(timingSafeEqual(bytes(1, 2), bytes(1, 2)));
  assert(!timingSafeEqual(bytes(1, 2), bytes(1, 3)));
  assertThrows(() => timingSafeEqual(bytes(1), bytes(1, 2)), TypeError);
});

Deno.test("FakeTime moves the clock and the timers", () => {
  using time = new FakeTime(1000);
  let rang = false;
  setTimeout(() => rang = true, 500);
  assertEquals(Date.now(), 1000);
  time.tick(499);
  assert(!rang);
  time.tick(1);
  assert(rang);
  assertEquals(time.now, 1500);
});
