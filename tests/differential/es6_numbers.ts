/**
 * The numbers of the {@link https://github.com/cyberphone/json-canonicalization/tree/master/testdata#es6-numbers | ES6 number tests},
 * made by the published algorithm: some by hand, 2,000 in a row, then whatever
 * SHA-256 of SHA-256 gives. That these are the ones, the published checksums say.
 */
import { createHash } from "node:crypto";

const THIRDS = 50;

/** The numbers, without an end. */
export function* es6Numbers(): Generator<number> {
  yield* byHand();
  const bits = new DataView(new ArrayBuffer(8));
  for (let i = 0n; i < 2000n; i++) {
    bits.setBigUint64(0, 0x0010_0000_0000_0000n + i);
    yield bits.getFloat64(0);
  }
  for (let block = new Uint8Array(32);;) {
    block = new Uint8Array(createHash("sha256").update(block).digest());
    for (const value of new Float64Array(block.buffer)) {
      if (value !== 0 && Number.isFinite(value)) yield value;
    }
  }
}

function* byHand(): Generator<number> {
  yield* [0, -0, Number.MIN_VALUE, -Number.MIN_VALUE];
  for (const sign of [-1, 1]) {
    let three = 3e-22;
    for (let i = 0; i < THIRDS; i++, three *= 10) yield sign / three;
  }
  yield 10;
  for (let i = 0; i < 10; i++) yield Number(`5e-${i}`);
  for (let i = 0; i < 15; i++) yield Number(`0.0000050${"0".repeat(i)}6`);
  yield* [1, -1];
  yield* [-0.9999999999999993, -0.9999999999999994];
  yield* [0.9999999999999993, 0.9999999999999994];
  yield* [0.9999999999999996, 0.9999999999999998];
  yield* [-0.9999999999999999, -0.9999999999999999];
  yield* [0.9999999999999999, 0.9999999999999999];
  yield* [0.29999999999999993, 0.3, 0.30000000000000004];
  yield* [2 ** -1022, 2.2250738585072e-308, 2.225073858507201e-308];
  yield* [Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 53, -(2 ** 53), 2 ** 68];
  yield* [9.999999999999997e22, 1e23, 1.0000000000000001e23];
  yield* [999999999999999700000, 999999999999999900000, 1e21];
  yield* [9.999999999999997e-7, 1e-6];
  yield* [333333333.3333332, 333333333.33333325, 333333333.3333333];
  yield* [333333333.3333334, 333333333.33333343];
  yield* [-0.0000033333333333333333, 1424953923781206.2];
}
