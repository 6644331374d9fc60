/** Stand-in for `FakeTime` of `@std/testing/time`, over `node:test` timers. */
import { mock } from "node:test";

export class FakeTime implements Disposable {
  constructor(start: number | Date = Date.now()) {
    mock.timers.enable({
      apis: ["setTimeout", "setInterval", "Date"],
      now: new Date(start).getTime(),
    });
  }
  get now(): number {
    return Date.now();
  }
  tick(ms = 0): void {
    mock.timers.tick(ms);
  }
  restore(): void {
    mock.timers.reset();
  }
  [Symbol.dispose](): void {
    this.restore();
  }
}
